#!/bin/bash
# campaign.sh - the short measurement, the full one, and keeping what the full one gave.
#
# Usage: scripts/campaign.sh bench       times of the named configurations, few executions, and Figure 5
#        scripts/campaign.sh reproduce   all tables and figures, both profiles
#        scripts/campaign.sh reference   results/local after a full run, as results/reference
# In:    what the Makefile exports: BENCH_CONFIGS and the counts. Out: rows in results/local, texts and figures beside them.
# Must hold: each part is made by `make`, which makes no complete file of rows again, so that a run that was stopped goes on; a text
#        is there whole or not at all.
set -euo pipefail
cd "$(dirname "$0")/.."
unset MAKEFLAGS MAKELEVEL MFLAGS
LOCAL=results/local
REFERENCE=results/reference
step=0

# part TEXT TARGET...: make the targets; what they print is also kept in $LOCAL/TEXT.
part() {
	local text=$1
	shift
	step=$((step + 1))
	echo "== $step of $STEPS: make $* (${SECONDS} s so far)"
	mkdir -p "$LOCAL"
	make -s "$@" | tee "$LOCAL/$text.new"
	mv "$LOCAL/$text.new" "$LOCAL/$text"
}

bench() {
	STEPS=4
	part bench-estimate.txt bench-estimate
	part bench-rows.txt bench-rows
	part bench.txt bench-tables
	part figure5.txt figure5
}

reproduce() {
	STEPS=13
	part estimate.txt reproduce-estimate
	part tables-release-valid.txt tables PROFILE=release INPUT=valid
	part tables-paper-paper.txt tables PROFILE=paper INPUT=paper
	part funnel.txt funnel
	part survival.txt survival
	part ablation.txt ablation
	part choice-cost.txt choice-cost
	part times-rows.txt times-rows
	part times.txt times
	part figure5.txt figure5
	part figure5-paper.txt figure5 FIG5_PROFILE=paper
	part budget.txt budget
	part frontier.txt frontier
	echo "== done in $SECONDS s; make reference keeps it"
}

# The plans alone decide the modules of `budget`. Everything but the single traces, whose hashes no compression makes smaller: `make measure` makes them again.
reference() {
	local f new=$REFERENCE.new
	for f in tables-release-valid tables-paper-paper funnel survival ablation choice-cost times figure5 figure5-paper budget frontier; do
		[ -s "$LOCAL/$f.txt" ] || { echo "$LOCAL/$f.txt is missing: run make reproduce first" >&2; exit 1; }
	done
	rm -rf "$new"
	mkdir -p "$new"
	build/deps/venv/bin/python scripts/machine.py >"$new/machine.json"
	cp "$LOCAL"/*.txt "$LOCAL"/*.png "$new"
	rm -f "$new"/*-rows.txt "$new"/bench*
	mkdir "$new/plans"
	cp build/budget/*.plan "$new/plans"
	(cd "$LOCAL" && find . -name '*.csv' ! -name '*.traces-*' ! -path './bench/*') | while read -r f; do
		mkdir -p "$new/$(dirname "$f")"
		gzip -n -9 <"$LOCAL/$f" >"$new/$f.gz"
	done
	rm -rf "$REFERENCE"
	mv "$new" "$REFERENCE"
	du -sh "$REFERENCE"
}

case ${1:-} in
bench | reproduce | reference) "$1" ;;
*)
	echo "usage: scripts/campaign.sh bench, reproduce, or reference" >&2
	exit 2
	;;
esac
