#!/bin/bash
# mutants.test.sh - wrong variants of the services are caught: a few here, 210 on 10,000 inputs with MUTANTS=30 INPUTS=10000.
. tests/lib.sh
services=build/services
list=()
for s in encrypt decrypt random invert bin2base64 qr_str qr_image; do
	list+=("$s=$services/$s.wasm=$services/$s.multivariant.wasm")
done
"${BUILD:-build}/tests/mutants" "${MUTANTS:-4}" "${INPUTS:-300}" "${SEED:-1}" "${list[@]}" || failed=1

# The control: were the original in the mutant's place, it would have to be proved, and would never differ.
expect "an original against itself is proved" 0 '^proved' "${MEWE:-build/mewe}" verify $services/invert.wasm $services/invert.wasm
exit $failed
