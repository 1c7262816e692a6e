#!/bin/bash
# strategies.test.sh - what a build has proved with all strategies, verify proves again from the two binaries alone.
# The QR service has the hardest proofs: its allocator's, where memory is rearranged.
set -u
cd "$(dirname "$0")/../.." || exit 1
MEWE=${MEWE:-build/mewe}
T=$(mktemp -d) || exit 1
trap 'rm -rf "$T"' EXIT
status=0
for s in invert qr_str; do
	"$MEWE" build build/services/raw/release/$s.wasm -o "$T/$s.wasm" -q --cache build/proofs.db --strategy rewrite,reorder,synth,constinfer,memory
	if "$MEWE" verify build/services/$s.wasm "$T/$s.wasm" >"$T/findings"; then
		echo "ok $s: $(tail -n 1 "$T/findings")"
	else
		echo "not ok $s: $(grep -m 1 -E '^(unproved|difference)' "$T/findings")"
		status=1
	fi
done
exit $status
