#!/bin/bash
# campaign.test.sh - do flags reach the builds from BENCH_CONFIGS, is each part of a campaign made in its turn and kept, and does the
# reference hold what a full run gave? Nothing is measured here: a stand-in for make says what it was asked.
. tests/lib.sh
unset MAKEFLAGS MAKELEVEL MFLAGS
here=$PWD

# ---- configurations
configs=$'\na=--dispatch call\nbudget=--entropy 20 --profile serve,0 --entry=serve\n'
flags() { BENCH_CONFIGS=$configs make -n "build/times/$1.wasm" "${@:2}" 2>&1 | grep -o -- '--variants .*'; }
result "flags with spaces, commas and = reach the build" "$(flags release/encrypt.budget |
	diff - <(echo '--variants 16 --entropy 20 --profile serve,0 --entry=serve'))"
result "the other configuration has its own" "$(flags release/bin2base64.a | diff - <(echo '--variants 64 --dispatch call'))"
result "the other profile has its variants" "$(flags paper/qr_str.a | diff - <(echo '--variants 24 --dispatch call'))"
BENCH_CONFIGS=$configs make -n results/local/bench/encrypt.csv BENCH_COUNT=7 BENCH_ROUNDS=3 >"$temp/out" 2>&1
result "the measurement gets the original, both modules and the counts" "$(modules=build/times/release/encrypt
	tr -s ' ' <"$temp/out" | grep -q -- \
		"--original $modules.original.wasm --also a=$modules.a.wasm --also budget=$modules.budget.wasm --count 7 --rounds 3 -o" ||
	tail -n 1 "$temp/out")"
result "no configuration of another name" "$(BENCH_CONFIGS=$configs make -n build/times/release/encrypt.none.wasm 2>&1 | grep -q 'No rule' ||
	echo "there is a rule")"

# ---- a campaign, by a stand-in for make
tree=$temp/tree
mkdir -p "$tree/scripts" "$tree/bin" "$tree/build/deps/venv/bin" "$tree/results"
cp scripts/campaign.sh scripts/machine.py scripts/deps.sh "$tree/scripts"
ln -s "$here/build/deps/venv/bin/python" "$tree/build/deps/venv/bin/python"
cat >"$tree/bin/make" <<'END'
#!/bin/sh
[ "$1" = -s ] && shift
echo "made $* with $TIMES_COUNT"
[ ! -e broken ] || exit 3
END
chmod +x "$tree/bin/make"
campaign() { (cd "$tree" && PATH=$tree/bin:$PATH TIMES_COUNT=100 scripts/campaign.sh "$@"); }

expect "bench" 0 '^made figure5 with 100$' campaign bench
cp "$temp/out" "$temp/screen"
expect "bench says first how long it takes" 0 '^made bench-estimate with 100$' sed -n 2p "$temp/screen"
expect "reproduce" 0 'make reference keeps it$' campaign reproduce
grep ^made "$temp/out" >"$temp/made"
result "both profiles, all tables and figures" "$(diff "$temp/made" - <<'END'
made reproduce-estimate with 100
made tables PROFILE=release INPUT=valid with 100
made tables PROFILE=paper INPUT=paper with 100
made funnel with 100
made survival with 100
made ablation with 100
made choice-cost with 100
made times-rows with 100
made times with 100
made figure5 with 100
made figure5 FIG5_PROFILE=paper with 100
made budget with 100
made frontier with 100
END
)"
result "what a part prints is kept" "$(echo 'made times with 100' | cmp - "$tree/results/local/times.txt" 2>&1)"
touch "$tree/broken"
expect "a part that fails ends it" 3 '^made reproduce-estimate' campaign reproduce
result "and leaves the text of the run before" "$(echo 'made times with 100' | cmp - "$tree/results/local/times.txt" 2>&1)"
expect "another word" 2 '^usage' campaign everything

# ---- the reference
local=$tree/results/local
mkdir -p "$local/times-release-valid" "$local/release-valid" "$local/bench"
echo rows >"$local/times-release-valid/encrypt.csv"
echo static >"$local/release-valid/encrypt.static-call.csv"
echo hashes >"$local/release-valid/encrypt.traces-call.csv"
echo short >"$local/bench/encrypt.csv"
echo png >"$local/figure4-release.png"
mkdir -p "$tree/build/budget"
echo plan >"$tree/build/budget/encrypt.budget.plan"
expect "reference" 0 'results/reference$' campaign reference
result "it has rows, texts, figures and the machine; no single traces, and nothing of the short run" "$(cd "$tree/results/reference" &&
	find . -type f | sort | diff - <(printf './%s\n' ablation.txt budget.txt choice-cost.txt estimate.txt figure4-release.png figure5-paper.txt \
		figure5.txt frontier.txt funnel.txt machine.json plans/encrypt.budget.plan release-valid/encrypt.static-call.csv.gz survival.txt tables-paper-paper.txt tables-release-valid.txt \
		times-release-valid/encrypt.csv.gz times.txt | sort))"
rows=times-release-valid/encrypt.csv
result "the rows are the same" "$(gzip -dc "$tree/results/reference/$rows.gz" | cmp - "$local/$rows" 2>&1)"
result "the machine is described" "$(build/deps/venv/bin/python - "$tree/results/reference/machine.json" <<'END'
import json, sys
m = json.load(open(sys.argv[1]))
bad = [k for k in ("processor", "cores", "kernel", "z3", "wasmtime", "python", "memory_mib") if not m[k]]
print(*bad) if bad else None
END
)"
rm "$local/funnel.txt"
expect "noticed: a run that is not full" 1 'funnel.txt is missing' campaign reference
result "which leaves the reference that was there" "$(ls "$tree/results/reference/funnel.txt" 2>&1 >/dev/null)"
exit $failed
