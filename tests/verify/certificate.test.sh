#!/bin/bash
# certificate.test.sh - what verify writes for another solver: the other solver agrees, and sees it when a question is spoiled.
. tests/lib.sh
mewe=${MEWE:-build/mewe}
services=build/services

# answers FILE: how often the second solver gives each answer, not told which is expected. Work is bounded by steps: what is too
# hard for it is unknown.
answers() { grep -v '^(set-info' "$1" | cvc5 --lang smt2 --incremental --rlimit-per=100000 - | sort | uniq -c | awk '{print $2 "=" $1}' | paste -sd ' '; }
questions() { grep -c '^(check-sat)' "$1"; }

for s in encrypt random bin2base64; do
	"$mewe" verify $services/$s.wasm $services/$s.multivariant.wasm --certificate "$temp/$s.smt2" >"$temp/out"
	n=$(questions "$temp/$s.smt2")
	result "$s: the second solver agrees on all $n questions" "$([ "$(answers "$temp/$s.smt2")" = "unsat=$n" ] || answers "$temp/$s.smt2")"
	"$mewe" verify $services/$s.wasm $services/$s.multivariant.wasm --jobs 1 --certificate - | cmp - "$temp/$s.smt2" >"$temp/cmp" 2>&1
	result "$s: the certificate does not depend on --jobs" "$(cat "$temp/cmp")"
done
result "questions are there" "$([ "$(questions "$temp/encrypt.smt2")" -gt 100 ] || echo "few")"

# The first sixty of a larger one.
"$mewe" verify $services/qr_str.wasm $services/qr_str.multivariant.wasm --certificate "$temp/qr.smt2" >"$temp/out"
awk '/^\(pop 1\)/ { n++ } { print } n == 60 { exit }' "$temp/qr.smt2" >"$temp/sample.smt2"
result "qr_str: the second solver agrees on the first 60" "$([ "$(answers "$temp/sample.smt2")" = unsat=60 ] || answers "$temp/sample.smt2")"

# Spoiled: in each question another operator in the last term that has it.
spoil() { # OPERATOR OTHER FILE
	awk -v from="($1 " -v to="($2 " '
		/^\(push/ { n = last = 0 }
		{ line[++n] = $0 }
		index($0, from) { last = n }
		/^\(pop/ {
			if (last) { at = index(line[last], from); line[last] = substr(line[last], 1, at - 1) to substr(line[last], at + length(from)) }
			for (i = 1; i <= n; i++) print line[i]
			n = 0
		}
		n && !/^\(/ { print; n = 0 }
		/^\(set-logic/ { print; n = 0 }' "$3"
}
for swap in bvadd:bvsub bvxor:bvor bvand:bvor bvshl:bvlshr; do
	spoil "${swap%:*}" "${swap#*:}" "$temp/bin2base64.smt2" >"$temp/bad.smt2"
	result "${swap#*:} for ${swap%:*} is noticed" "$(answers "$temp/bad.smt2" | grep -q '\bsat=' || echo "not one of the questions is sat: $(answers "$temp/bad.smt2")")"
done

# Nothing is certified that is not proved, and nothing is left half-written.
expect "modules that differ" 1 'different' "$mewe" verify $services/encrypt.wasm $services/decrypt.multivariant.wasm --certificate "$temp/none.smt2"
expect "a folder that is not there" 2 'nowhere' "$mewe" verify $services/encrypt.wasm $services/encrypt.multivariant.wasm --certificate /nowhere/x
exit $failed
