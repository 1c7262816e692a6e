#!/bin/bash
# run.sh - run the tests: unit programs, then scripts. Usage: tests/run.sh [PATTERN]
#
# Every test prints a line `ok NAME` or `not ok NAME: why` for each thing that it checks. One that prints none, or that ends
# with an error without saying what failed, has failed. The last line counts them.
set -u
cd "$(dirname "$0")/.."
PATTERN=${1:-}
LOGS=build/check
mkdir -p "$LOGS"
passed=0 failed=0

tests() {
	find build/tests -maxdepth 1 -type f -perm -u+x ! -name differential | sort
	find tests -name '*_test.py' -o -name '*.test.sh' -o -path 'tests/*/run.sh' | sort
}

# One test: its output into the log, its failures on the screen.
run() {
	local name=$1 log start code ok bad
	log=$LOGS/$(tr / _ <<<"$name").log
	start=$SECONDS
	case $name in
	*.py) build/deps/venv/bin/python "$name" >"$log" 2>&1 </dev/null ;;
	*.sh) bash "$name" >"$log" 2>&1 </dev/null ;;
	*) "$name" >"$log" 2>&1 </dev/null ;;
	esac
	code=$?
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ "$bad" = 0 ] && { [ "$code" != 0 ] || [ "$ok" = 0 ]; }; then
		echo "not ok $name: exit code $code after $ok checks: $(tail -n 1 "$log")" >>"$log"
		bad=1
	fi
	printf '%-46s %4d ok %3d failed %5d s\n' "$name" "$ok" "$bad" $((SECONDS - start))
	[ "$bad" = 0 ] || grep '^not ok ' "$log" | head -n 20
	passed=$((passed + ok)) failed=$((failed + bad))
}

while read -r name; do
	case $name in *"$PATTERN"*) run "$name" ;; esac
done < <(tests)
[ $((passed + failed)) -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
