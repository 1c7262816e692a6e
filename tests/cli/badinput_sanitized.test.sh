#!/bin/bash
# Bad input once more, with the program under the sanitizers.
cd "$(dirname "$0")/../.." || exit 1
if [ ! -x build/san/mewe ]; then
	echo "not ok bad input, sanitized: build/san/mewe is missing; run it through make check"
	exit 1
fi
build/deps/venv/bin/python tests/cli/badinput_test.py build/san/mewe | sed 's/^\(ok\|not ok\) /\1 sanitized: /'
exit "${PIPESTATUS[0]}"
