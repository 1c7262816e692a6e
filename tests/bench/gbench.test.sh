#!/bin/bash
# gbench.test.sh - Google Benchmark by its C interface, each case in a process of its own.
build=${BUILD:-build}
status=0
for what in all failing none usage; do
	"$build/tests/gbench" $what 2>/dev/null || status=1
done
exit $status
