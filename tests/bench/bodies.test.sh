#!/bin/bash
# bodies.test.sh - each variant of a dispatcher forced and timed; a planted slowdown is in the code and in no answer.
. tests/lib.sh
build=${BUILD:-build}
mewe=${MEWE:-$build/mewe}
measure=$build/bench/measure
plant=$build/bench/plant
raw=build/services/raw/release/bin2base64.wasm
flags=(-q --functions sodium_bin2base64 --discriminator host)

"$mewe" build $raw -o "$temp/original.wasm" -q --strategy none
"$mewe" build $raw -o "$temp/real.wasm" "${flags[@]}" --variants 4
"$mewe" build $raw -o "$temp/copy.wasm" "${flags[@]}" --variants 3 --strategy copy
"$mewe" build $raw -o "$temp/many.wasm" -q --discriminator host --variants 3
"$mewe" build build/services/raw/release/qr_str.wasm -o "$temp/other.wasm" -q --strategy none

# run NAME ARGUMENT...: rows into $temp/NAME.csv
run() {
	local name=$1
	shift
	"$measure" bodies "$@" --service bin2base64 --profile release --original "$temp/original.wasm" -o "$temp/$name.csv" 2>"$temp/err"
	result "bodies: $name" "$(cat "$temp/err")"
}
run rows --also real="$temp/real.wasm" --also copy="$temp/copy.wasm" --rounds 4 --places 2
result "bodies: four rows for each variant, none for the original" "$(awk -F, 'NR > 1 {n[$10]++}
	END {for (c in n) print c, n[c]}' "$temp/rows.csv" | sort | diff - <(printf '%s 4\n' copy.1 copy.2 real.1 real.2 real.3))"
result "bodies: two rounds in each place" "$(awk -F, 'NR > 1 && $14 != ($16 > 1)' "$temp/rows.csv")"

result "plant: a function by its name" "$("$plant" "$temp/copy.wasm" sodium_bin2base64.mewe.1 60000 "$temp/planted.wasm" 2>&1)"
result "plant: a function by its export" "$("$plant" "$temp/original.wasm" serve 1000 "$temp/served.wasm" 2>&1)"
expect "plant: no such function" 2 "defines no function 'nothing'" "$plant" "$temp/copy.wasm" nothing 1 "$temp/x.wasm"
expect "plant: one without a number" 2 "takes no i32" "$plant" "$temp/copy.wasm" output 1 "$temp/x.wasm"
expect "plant: no turns" 2 "with 1 to 65535 turns" "$plant" "$temp/copy.wasm" serve 0 "$temp/x.wasm"
printf 'moving target' | "$mewe" run "$temp/original.wasm" >"$temp/want"
result "plant: it answers as before" "$(printf 'moving target' | "$mewe" run "$temp/served.wasm" | cmp - "$temp/want" 2>&1)"
"$mewe" verify "$temp/original.wasm" "$temp/served.wasm" >"$temp/out" 2>&1
result "plant: a verifier sees that it was changed" "$([ $? != 0 ] || echo "it does not")"
# So many turns are many times the rest: no clock could miss them.
run planted --also planted="$temp/planted.wasm" --rounds 3 --places 1
result "bodies: only the planted one is ten times as slow" "$(awk -F, 'NR > 1 {t[$10] += $18}
	END {if (t["planted.1"] < 10 * t["planted.2"]) print t["planted.1"], t["planted.2"]}' "$temp/planted.csv")"

expect "bodies: several dispatchers" 2 "where one is wanted" \
	"$measure" bodies --original "$temp/original.wasm" --also x="$temp/many.wasm" -o "$temp/x.csv"
expect "bodies: another service's answers" 1 "not the original's|while timed" \
	"$measure" bodies --original "$temp/other.wasm" --also x="$temp/copy.wasm" -o "$temp/x.csv"
result "bodies: a failure leaves no rows" "$(ls "$temp/x.csv" 2>/dev/null)"
exit $failed
