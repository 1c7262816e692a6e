#!/bin/bash
# run.test.sh - does tests/run.sh count what passed, and as failed all that says nothing, crashes, hangs, or contradicts itself?
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
tree=$temp/tree

# tree: with the runner and no test; a_test TEXT: a tree with one, a shell script.
tree() {
	rm -rf "$tree"
	mkdir -p "$tree/tests/some" "$tree/tests/unit" "$tree/build/tests"
	cp tests/run.sh "$tree/tests"
}
a_test() {
	tree
	printf '%s\n' "$1" >"$tree/tests/some/a.test.sh"
}
# run PATTERN [SETTING...]
# shellcheck disable=SC2086 # no pattern is no word
run() { env -u MEWE -u BUILD -u LIMIT "${@:2}" "$tree/tests/run.sh" $1; }

a_test 'echo ok one; echo ok two; echo note ok'
expect "each ok line counts" 0 '^2 passed, 0 failed$' run ''
expect "a pattern chooses" 0 '^2 passed, 0 failed$' run some/a
expect "a pattern that no test has" 1 '^0 passed, 1 failed$' run nowhere
a_test 'echo ok one; echo "not ok two: why"; echo "not ok three: why"; exit 1'
expect "each not ok line counts" 1 '^1 passed, 2 failed$' run ''
cp "$temp/out" "$temp/screen"
expect "what failed is on the screen" 0 '^not ok three: why$' grep three "$temp/screen"
a_test 'exit 0'
expect "silence is a failure" 1 '^0 passed, 1 failed$' run ''
a_test 'echo ok one; exit 3'
expect "an error is a failure" 1 '^1 passed, 1 failed$' run ''
a_test 'echo ok one; kill -SEGV $$'
expect "a crash is a failure" 1 '^1 passed, 1 failed$' run ''
cp "$temp/out" "$temp/screen"
expect "a crash is named" 0 'ended by SIGSEGV after 1 checks' grep 'not ok tests' "$temp/screen"
a_test 'echo "not ok one: why"; kill -SEGV $$'
expect "a crash after a failure is another" 1 '^0 passed, 2 failed$' run ''
a_test 'echo ok one; sleep 60'
expect "hanging is a failure" 1 '^1 passed, 1 failed$' run '' LIMIT=1
a_test 'echo ok one; echo "not ok two: why"'
expect "success in spite of failures is a failure" 1 '^1 passed, 2 failed$' run ''
tree
expect "no test at all is a failure" 1 '^0 passed, 1 failed$' run ''

tree
touch "$tree/tests/unit/a.c"
expect "a unit test that was not built is a failure" 1 '^0 passed, 1 failed$' run ''
printf '#!/bin/sh\necho ok one\n' | tee "$tree/build/tests/a" >"$tree/build/tests/gone"
chmod +x "$tree"/build/tests/*
expect "unit tests run, those without a source do not" 0 '^1 passed, 0 failed$' run ''
mkdir -p "$tree/build/san/tests"
expect "one that was not built with sanitizers is a failure" 1 '^1 passed, 1 failed$' run ''
cp "$tree/build/tests/a" "$tree/build/san/tests"
expect "both builds run" 0 '^2 passed, 0 failed$' run ''
a_test 'echo "ok $BLESS $BUILD"'
expect "settings reach the tests" 0 '^1 passed, 0 failed$' run '' BLESS=1
expect "settings are those given" 0 '^ok 1 build$' cat "$tree/build/check/tests_some_a.test.sh.log"
exit $failed
