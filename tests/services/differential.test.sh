#!/bin/bash
# Every service, original against multivariant: 1,000 seeds, and every body of every dispatcher forced.
cd "$(dirname "$0")/../.."
bad=0
for s in encrypt decrypt random invert bin2base64 qr_str qr_image; do
	build/tests/differential $s build/services/$s.wasm build/check/services/$s.fixed.wasm build/check/services/$s.host.wasm \
		services/vectors/$s "${SEEDS:-1000}" || bad=1
done
exit $bad
