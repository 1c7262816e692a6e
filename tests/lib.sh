# shellcheck shell=bash disable=SC2034
# lib.sh - what shell tests share. Sourced from a script that runs from the top of the tree.
# Out: result and expect print the lines that tests/run.sh counts; $temp is a folder that goes away.
failed=0
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT

# result WHAT WHY: an empty WHY is success.
result() {
	if [ -z "$2" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $2"
		failed=1
	fi
}

# expect WHAT CODE PATTERN COMMAND...: the command ends with this code, and the last line that it prints matches the pattern.
expect() {
	local what=$1 code=$2 pattern=$3 got
	shift 3
	"$@" >"$temp/out" 2>&1 </dev/null
	got=$?
	if [ "$got" != "$code" ]; then
		result "$what" "exit code $got, not $code: $(tail -n 1 "$temp/out")"
	elif ! tail -n 1 "$temp/out" | grep -Eq "$pattern"; then
		result "$what" "its last line is: $(tail -n 1 "$temp/out")"
	else
		result "$what" ""
	fi
}
