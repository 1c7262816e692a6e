#!/bin/bash
# wasmtime.test.sh - do Wasmtime's headers, with the features that scripts/deps.sh read off the library, declare what it exports:
# nothing that is not there, and nothing there left out?
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
MEWE=${MEWE:-build/mewe}
read -r -a flags < <(sed -n 's/^WT_CFLAGS := //p' build/deps/config.mk)
library=$(sed -n 's/^WT_LIBS := -L\([^ ]*\) .*/\1/p' build/deps/config.mk)/libwasmtime.so
printf '#include <wasmtime.h>\n#include <wasi.h>\n' >"$temp/all.c"

api() { grep -oE '\b(wasm|wasmtime|wasi)_[a-z0-9_]+'"$1" | sed 's/ *($//' | sort -u; }
exported() { nm -D --defined-only "$library" | grep ' T ' | api '$'; }

# declared FLAG...: functions that the headers declare, less those that they define themselves.
declared() {
	comm -23 <(cc -E -P "$@" "${flags[@]}" "$temp/all.c" | api ' *\(') \
		<(cc -c -fkeep-inline-functions -fkeep-static-functions "$@" "${flags[@]}" "$temp/all.c" -o "$temp/all.o" && nm --defined-only "$temp/all.o" | api '$')
}

exported >"$temp/exported"
declared >"$temp/declared"
result "what is declared is exported" "$(comm -23 "$temp/declared" "$temp/exported" | paste -sd ' ')"
# Some exports are in no header at all, whatever the features.
cat "${flags[1]}"/*.h "${flags[1]}"/wasmtime/*.h "${flags[1]}"/wasmtime/*/*.h | api '\b' >"$temp/known"
result "what is exported and in a header is declared" "$(comm -13 "$temp/declared" "$temp/exported" | comm -12 - "$temp/known" | paste -sd ' ')"
expect "a call is among them" 0 '^wasmtime_func_call$' grep -x wasmtime_func_call "$temp/declared"

# The controls: a feature too few, and one that the library has not.
mkdir -p "$temp/few/wasmtime"
grep -v 'define WASMTIME_FEATURE_WAT$' "${flags[1]}/wasmtime/conf.h" >"$temp/few/wasmtime/conf.h"
declared -I"$temp/few" >"$temp/fewer"
expect "a missing feature is seen" 0 '^wasmtime_wat2wasm$' comm -13 "$temp/fewer" "$temp/exported"
grep -vx wasmtime_wat2wasm "$temp/exported" >"$temp/without"
expect "a feature too many is seen" 0 '^wasmtime_wat2wasm$' comm -23 "$temp/declared" "$temp/without"

# Programs find the libraries from where they stand, so that the tree can be moved.
paths=$(readelf -d "$MEWE" | sed -En 's/.*R(UN)?PATH.*\[(.*)\]/\2/p' | tr : '\n')
result "the libraries are looked for beside the program" "$(grep -qx '$ORIGIN/./deps/z3/lib' <<<"$paths" || echo "in $paths")"
result "and by no absolute path" "$(grep '^/' <<<"$paths" | grep -vx "${WASMTIME_PREFIX:-}/lib")"
for lib in libwasmtime.so libz3.so; do
	expect "$lib is found" 0 "$lib.* => .*/$lib" sh -c "ldd '$MEWE' | grep '$lib'"
done
exit $failed
