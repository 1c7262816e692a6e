#!/bin/bash
# kernels.test.sh - programs from several fields that are not the services: each gets variants, is proved, and answers as before.
#
# In:  build/check/kernels/NAME.wasm and NAME, the same natively; build/check/agree.
# Environment: SEEDS (100): of the multivariant's choices, each on every input.
# Out: a line for each program, and a table, also in build/check/kernels.txt: the functions that the module defines, the dispatchers
#      in it, the variants kept in all and in the program's own functions, the seconds that build and verify took. A variant counts
#      if it is proved, has its own machine code, and its function is the program's own, not its host's or the C library's.
. tests/lib.sh
mewe=${MEWE:-build/mewe}
kernels=build/check/kernels
least=8 seeds=${SEEDS:-100}

# Three inputs: none, which stands for the built-in one; text; bytes that are anything but text.
: >"$temp/empty"
head -c 3000 tests/kernels/number.c >"$temp/text"
head -c 2500 "$kernels/number.wasm" >"$temp/bytes"

# kept LEDGER SOURCE: how many variants are kept, proved and with their own machine code; how many of them are of functions that
# the source names and others do not define; how many are kept that are not proved or not distinct.
kept() {
	python3 - "$@" <<-'END'
		import csv, re, sys
		names = set(re.findall(r"\w+", open(sys.argv[2]).read())) - {"put", "put_bytes", "memchr", "memcmp", "memcpy", "memmove", "memset", "strlen"}
		rows = [r for r in csv.DictReader(open(sys.argv[1])) if r["kept"] == "1"]
		good = [r for r in rows if r["verdict"] == "proved" and r["survives"] == "1"]
		print(len(good), sum(r["function"] in names for r in good), len(rows) - len(good))
	END
}

# since FROM: seconds with one digit after the point.
since() { awk -v from="$1" -v to="$(date +%s%N)" 'BEGIN { printf "%.1f", (to - from) / 1e9 }'; }

enough=0 programs=0
for source in tests/kernels/*.c; do
	name=$(basename "$source" .c)
	case $name in agree | host) continue ;; esac
	programs=$((programs + 1))
	original=$kernels/$name.wasm out=$temp/$name.wasm pairs=()
	for input in empty text bytes; do
		"$kernels/$name" <"$temp/$input" >"$temp/$name.$input"
		pairs+=("$temp/$input" "$temp/$name.$input")
	done
	build/check/agree "$original" 0 "${pairs[@]}" >"$temp/said"
	result "$name: the original answers as the native program" "$([ "$(tail -n 1 "$temp/said")" = 3 ] || tail -n 1 "$temp/said")"

	from=$(date +%s%N)
	"$mewe" build "$original" -o "$out" --ledger "$temp/$name.csv" --variants 16 --discriminator fixed:0 --total-time 60 -q 2>"$temp/said"
	code=$?
	built=$(since "$from")
	if [ $code != 0 ] && [ $code != 4 ]; then
		result "$name: is built" "exit code $code: $(cat "$temp/said")"
		continue
	fi
	read -r all n bad < <(kept "$temp/$name.csv" "$source")
	result "$name: nothing else is kept" "$([ "$bad" = 0 ] || echo "$bad of $((all + bad)) are not proved or not distinct")"
	[ "$n" -lt $least ] || enough=$((enough + 1))
	from=$(date +%s%N)
	expect "$name: $n variants kept, and the whole proved by verify" 0 '^proved' "$mewe" verify "$original" "$out"
	verified=$(since "$from")
	read -r functions dispatchers < <(sed -n '$s/^proved: \([0-9]*\) functions, \([0-9]*\) dispatchers.*/\1 \2/p' "$temp/out")
	build/check/agree "$out" "$seeds" "${pairs[@]}" >"$temp/said"
	result "$name: the multivariant answers alike under $seeds seeds" \
		"$([ "$(tail -n 1 "$temp/said")" = $((3 * seeds)) ] || tail -n 1 "$temp/said")"
	echo "$name $functions $dispatchers $all $n $built $verified" >>"$temp/table"
done
result "of $programs programs 95% get at least $least variants: $enough" "$([ $((20 * enough)) -ge $((19 * programs)) ] && [ $programs -ge 20 ] || tr '\n' ';' <"$temp/table")"

# Controls: an answer of another program, and one byte that is different, are noticed.
expect "control: another program's answer is noticed" 1 'another answer' build/check/agree "$original" 0 "$temp/empty" "$temp/text"
{ head -c -2 "$temp/$name.text"; echo '!'; } >"$temp/spoiled"
expect "control: one other byte is noticed" 1 'another answer' build/check/agree "$out" 1 "$temp/text" "$temp/spoiled"

expect "control: verify tells one program from another" 1 '^different' "$mewe" verify "$kernels/siphash.wasm" "$temp/murmur.wasm"
"$mewe" build "$original" -o "$temp/copy.wasm" --strategy copy --variants 4 --ledger "$temp/copy.csv" -q
result "control: copies do not count" "$([[ $(kept "$temp/copy.csv" "$source") =~ ^"0 0 "[1-9] ]] || kept "$temp/copy.csv" "$source")"

{ echo "program functions dispatchers kept own build_s verify_s"; cat "$temp/table"; } | column -t | tee build/check/kernels.txt
exit $failed
