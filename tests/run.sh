#!/bin/bash
# run.sh - run the tests: unit programs, then scripts.
#
# Usage: tests/run.sh [PATTERN]     only the tests whose path contains PATTERN
# In:    BUILD/tests/NAME for each tests/unit/NAME.c, and BUILD/san/tests/NAME, the same with sanitizers, if that folder is there;
#        tests/*/run*.sh, *.test.sh and *_test.py. Each prints a line `ok WHAT` or `not ok WHAT: why` for each thing that it checks.
# Environment: BUILD (build), where the programs are; LIMIT (1800), seconds for one test; others reach the tests.
# Out:   a line for each test, the failures below it, all it said in BUILD/check/; last `N passed, N failed`. Exit 1 if any failed.
# Must hold: a test that says nothing, crashes, hangs, or ends with an error without saying what failed, has failed.
set -u
cd "$(dirname "$0")/.." || exit 1
PATTERN=${1:-}
export BUILD=${BUILD:-build}
export MEWE=${MEWE:-$PWD/$BUILD/mewe}
export MEWE_CACHE=${MEWE_CACHE:-none} # a test proves what it tests
LOGS=$BUILD/check
mkdir -p "$LOGS"
passed=0 failed=0 run=0 logs=()

tests() {
	find tests/unit -name '*.c' 2>/dev/null | sort
	[ ! -d "$BUILD/san/tests" ] || find tests/unit -name '*.c' 2>/dev/null | sort | sed 's/$/ sanitized/'
	find tests -name '*_test.py' -o -name '*.test.sh' -o -path 'tests/*/run*.sh' | sort
}

start() {
	case $1 in
	*.c\ sanitized) set -- "$BUILD/san/tests/$(basename "$1" '.c sanitized')" ;;
	*.c) set -- "$BUILD/tests/$(basename "$1" .c)" ;;
	*.py) set -- build/deps/venv/bin/python "$1" ;;
	*.sh) set -- bash "$1" ;;
	esac
	timeout -k 10 "${LIMIT:-1800}" "$@" </dev/null
}

# ending CODE: in words.
ending() {
	if [ "$1" = 124 ]; then echo "stopped after ${LIMIT:-1800} s"
	elif [ "$1" -gt 128 ]; then echo "ended by SIG$(kill -l "$1")"
	else echo "exit code $1"; fi
}

# One test: its output into the log; its failures on the screen.
one() {
	local name=$1 log=$LOGS/${1//[\/ ]/_}.log from=$SECONDS code ok bad
	[ ! -t 1 ] || printf '%s ...\r' "$name"
	{ start "$name" >"$log" 2>&1; } 2>/dev/null
	code=$?
	ok=$(grep -ac '^ok ' "$log")
	bad=$(grep -ac '^not ok ' "$log")
	if [ "$code" -ge 124 ] || { [ "$code" != 0 ] && [ "$bad" = 0 ]; }; then
		echo "not ok $name: $(ending $code) after $ok checks: $(tail -n 1 "$log" | cut -c1-300)" >>"$log"
	elif [ "$bad" = 0 ] && [ "$ok" = 0 ]; then
		echo "not ok $name: nothing was checked" >>"$log"
	elif [ "$bad" != 0 ] && [ "$code" = 0 ]; then
		echo "not ok $name: exit code 0 in spite of failures" >>"$log"
	fi
	bad=$(grep -ac '^not ok ' "$log")
	printf '%-6s %-44s %5d ok %4d failed %5d s\n' "$([ "$bad" = 0 ] && echo ok || echo 'not ok')" "$name" "$ok" "$bad" $((SECONDS - from))
	if [ "$bad" != 0 ]; then
		grep -a '^not ok ' "$log" | head -n 20
		logs+=("$log")
	fi
	run=$((run + 1)) passed=$((passed + ok)) failed=$((failed + bad))
}

while read -r name; do
	case $name in *"$PATTERN"*) one "$name" ;; esac
done < <(tests)
if [ "$run" = 0 ]; then
	echo "no test is called *$PATTERN*"
	failed=1
fi
[ ${#logs[@]} = 0 ] || echo "more in: ${logs[*]}"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
