#!/bin/bash
# measure.test.sh - the measurement program on one small service: rows of the schema, the same bytes as `mewe build`, and what it
# must refuse.
. tests/lib.sh
build=${BUILD:-build}
mewe=${MEWE:-$build/mewe}
measure=$build/bench/measure
raw=build/services/raw/release/bin2base64.wasm
other=build/services/raw/release/invert.wasm
make -s "$raw" "$other" >/dev/null || exit 1
header=run,machine,runtime,runtime_version,platform,service,profile,input,build,config,strategy,seed,module,node,phase,iteration,metric,value

"$mewe" build "$raw" -o "$temp/original.wasm" --strategy none -q
"$mewe" build "$other" -o "$temp/other.wasm" --strategy none -q
"$mewe" build "$raw" -o "$temp/mv.wasm" --variants 3 --ledger "$temp/ledger.csv" -q
"$mewe" build "$raw" -o "$temp/copy.wasm" --variants 3 --strategy copy --trace hash -q

# ---- builds: every configuration, byte for byte
"$build/bench/builds" "$raw" 3 "$temp/cache.db" "$temp/b" 2>"$temp/err"
result "builds: all from one search" "$(cat "$temp/err")"
for config in call:off:chacha call:hash:chacha call:full:chacha call:hash:fixed call:off:host call:hash:host \
	request:off:chacha request:hash:chacha request:hash:fixed request:off:host request:hash:host; do
	IFS=: read -r dispatch trace draws <<<"$config"
	[ "$draws" != fixed ] || draws=fixed:0
	name=$dispatch.$trace
	case $draws in host) name=$dispatch.host.$trace ;; fixed*) name=$dispatch.fixed.$trace ;; esac
	"$mewe" build "$raw" -o "$temp/m.wasm" --variants 3 --dispatch "$dispatch" --trace "$trace" --discriminator "$draws" -q
	result "builds: $name is what mewe build gives" "$(cmp "$temp/m.wasm" "$temp/b.$name.wasm" 2>&1)"
done
result "builds: no two configurations are the same file" "$(sha256sum "$temp"/b.*.wasm | cut -c1-64 | sort | uniq -d)"
touch -d 2001-01-01 "$temp/b.call.off.wasm"
"$build/bench/builds" "$raw" 3 "$temp/cache.db" "$temp/b"
result "builds: a file of the same bytes is left alone" "$(find "$temp/b.call.off.wasm" -newermt 2002-01-01)"
expect "builds: bad options" 2 'usage' "$build/bench/builds" "$raw" 1 "$temp/cache.db" "$temp/x"
expect "builds: no module" 2 'none.wasm' "$build/bench/builds" "$temp/none.wasm" 3 "$temp/cache.db" "$temp/x"

# ---- rows
# run NAME MODE ARGUMENT...: rows into $temp/NAME.csv
run() {
	local name=$1
	shift
	"$measure" "$@" --service bin2base64 --profile release --original "$temp/original.wasm" -o "$temp/$name.csv" 2>"$temp/err"
	result "measure: $name" "$(cat "$temp/err")"
	result "measure: $name has the schema's columns" "$(awk -F, -v h="$header" \
		'NR == 1 && $0 != h || NF != 18 {print "line " NR ": " $0; exit} END {if (NR < 2) print "no rows"}' "$temp/$name.csv")"
}
# count NAME METRIC WANT: so many different values of the metric
count() {
	local n
	n=$(awk -F, -v m="$2" '$17 == m {print $18}' "$temp/$1.csv" | sort -u | wc -l)
	result "measure: $1: different values of $2" "$([ "$n" "$3" "$4" ] || echo "$n, not $3 $4")"
}
run traces traces --traced "$temp/b.call.hash.wasm" --count 640
count traces body_trace -gt 10
run fixed traces --traced "$temp/b.call.fixed.hash.wasm" --count 640 --fixed
cut -d, -f17- "$temp/fixed.csv" >"$temp/first"
run fixed traces --traced "$temp/b.call.fixed.hash.wasm" --count 640 --fixed
result "measure: with seeds the same traces again" "$(cut -d, -f17- "$temp/fixed.csv" | cmp - "$temp/first" 2>&1)"
run copy traces --traced "$temp/copy.wasm" --count 640 --build control --config copy
count copy body_trace -eq 1
count copy choice_trace -gt 10
run paper traces --traced "$temp/b.call.hash.wasm" --count 64 --input paper
# times NAME METRIC WANT: so many rows of the metric
times() { result "measure: $1: $3 rows of $2" "$([ "$(grep -c ",$2," "$temp/$1.csv")" = "$3" ] || echo "not so")"; }
run time time --call "$temp/b.call.off.wasm" --request "$temp/b.request.off.wasm" --rounds 3
times time time_ns 18
times time time_guest_ns 9
run time-paper time --call "$temp/b.call.off.wasm" --request "$temp/b.request.off.wasm" --rounds 3 --input paper
times time-paper time_guest_ns 0
run rq4 rq4 --also call="$temp/b.call.off.wasm" --also copy="$temp/copy.wasm" --count 50 --rounds 5 --places 2
times rq4 time_ns 40
times rq4 time_guest_ns 20
result "measure: rq4: each single execution is counted" "$(awk -F, '$17 == "time_guest_count" {n[$10] += $18}
	END {for (c in n) {k++; if (n[c] != 50) print c, n[c]}; if (k != 4) print k " configurations"}' "$temp/rq4.csv")"
result "measure: rq4: the original twice, the same file" "$([ "$(awk -F, '$10 == "original" || $10 == "aa" {print $13}' "$temp/rq4.csv" |
	sort -u | wc -l)" = 1 ] || echo "not so")"
result "measure: rq4: rounds 0 to 2 in the first place, the others in the second" "$(awk -F, '$17 == "time_ns" && $14 != ($16 > 2)' "$temp/rq4.csv")"
run rq4-paper rq4 --also call="$temp/b.call.off.wasm" --count 10 --rounds 2 --input paper
times rq4-paper time_guest_ns 6
run static static --call "$temp/b.call.off.wasm" --ledger "$temp/ledger.csv" --full "$temp/b.call.full.wasm"
result "measure: as many candidates as the ledger has" "$([ "$(awk -F, '$17 == "proposed" {print $18}' "$temp/static.csv")" = \
	"$(build/deps/venv/bin/python -c 'import csv, sys; print(sum(1 for _ in csv.DictReader(open(sys.argv[1]))))' "$temp/ledger.csv")" ] || echo "not so")"
run twins twins --off "$temp/b.call.host.off.wasm" --hash "$temp/b.call.host.hash.wasm" --count 20
draws() { awk -F, '$17 == "choice_trace" {print $12 "," $18}' "$1" | sort -u | wc -l; }
result "measure: twins draw the same under each seed" "$([ "$(draws "$temp/twins.csv")" = 20 ] || echo "they do not")"
run strangers twins --off "$temp/b.call.host.off.wasm" --hash "$temp/b.request.host.hash.wasm" --count 20
result "measure: strangers do not" "$([ "$(draws "$temp/strangers.csv")" -gt 20 ] || echo "they do")"

# ---- what must be noticed
expect "measure: another service's answers" 1 "not the original's" \
	"$measure" traces --original "$temp/other.wasm" --traced "$temp/b.call.hash.wasm" -o "$temp/x.csv"
expect "measure: not by their length, either" 1 "not the original's" \
	"$measure" traces --free --original "$temp/other.wasm" --traced "$temp/b.call.hash.wasm" -o "$temp/x.csv"
expect "measure: another service is not timed" 1 "not the original's" \
	"$measure" time --original "$temp/other.wasm" --call "$temp/b.call.off.wasm" --request "$temp/b.request.off.wasm" -o "$temp/x.csv"
expect "measure: rq4 neither" 1 "not the original's" \
	"$measure" rq4 --original "$temp/other.wasm" --also call="$temp/b.call.off.wasm" -o "$temp/x.csv"
expect "measure: a build without a trace" 2 "mewe.reset" \
	"$measure" traces --original "$temp/original.wasm" --traced "$temp/mv.wasm" -o "$temp/x.csv"
expect "measure: randomness fixed and free" 2 "" \
	"$measure" traces --fixed --free --original "$temp/original.wasm" --traced "$temp/b.call.hash.wasm" -o "$temp/x.csv"
expect "measure: no mode" 2 "" "$measure" --original "$temp/original.wasm" -o "$temp/x.csv"
expect "measure: no such file" 2 "nowhere.wasm" "$measure" time --original "$temp/nowhere.wasm" -o "$temp/x.csv"
result "measure: a failure leaves no rows" "$(ls "$temp/x.csv" 2>/dev/null)"
exit $failed
