#!/bin/bash
# authors.test.sh - the driver for the authors' bitcode, on a stand-in: our libsodium's codecs as LLVM bitcode, and the same with a
# dispatcher over two bodies in the place of sodium_bin2base64, in the form of the authors' (services/rules.mk has the flags).
. tests/lib.sh
unset MAKEFLAGS MAKELEVEL MFLAGS
clang=${WASM_CC:-clang-19}
link=llvm-link-19
if [ -n "${WASI_SDK_PATH:-}" ]; then
	clang=$WASI_SDK_PATH/bin/clang link=$WASI_SDK_PATH/bin/llvm-link
fi
sodium=${LIBSODIUM_SRC:-build/deps/src/libsodium-1.0.18}/src/libsodium
d=$temp/bitcode
mkdir -p "$d"

# bitcode OUT FLAG... FILE
bitcode() {
	local out=$1
	shift
	"$clang" --target=wasm32-wasi -O1 -w -emit-llvm -I "$sodium/include" -I "$sodium/include/sodium" -Ibuild/services/include \
		-Ibuild/services/include/sodium -DSODIUM_STATIC=1 -DCONFIGURED=1 -c "$@" -o "$d/$out"
}
cat >"$d/misuse.c" <<'END'
#include <stdlib.h>
void sodium_misuse(void) { abort(); }
END
cat >"$d/dispatcher.c" <<'END'
#include <stddef.h>
int discriminate(int n);
#define SIGNATURE (char *const b64, const size_t max, const unsigned char *const bin, const size_t len, const int variant)
char *sodium_bin2base64_original SIGNATURE;
char *sodium_bin2base64_1_ SIGNATURE;
char *sodium_bin2base64 SIGNATURE
{
	switch (discriminate(2)) {
	case 0: return sodium_bin2base64_1_(b64, max, bin, len, variant);
	default: return sodium_bin2base64_original(b64, max, bin, len, variant);
	}
}
END
others='-Dsodium_bin2hex=a1 -Dsodium_hex2bin=a2 -Dsodium_base64_encoded_len=a3 -Dsodium_base642bin=a4'
codecs=$sodium/sodium/codecs.c
bitcode plain.bc "$codecs" && bitcode misuse.bc "$d/misuse.c" && bitcode dispatcher.bc "$d/dispatcher.c" &&
	bitcode body0.bc -Dsodium_bin2base64=sodium_bin2base64_original "$codecs" &&
	bitcode body1.bc -Dsodium_bin2base64=sodium_bin2base64_1_ $others "$codecs" &&
	"$link" "$d"/{plain,misuse}.bc -o "$d/libsodium.bc" &&
	"$link" "$d"/{body0,body1,misuse,dispatcher}.bc -o "$d/allinone.multivariant.bc"
result "authors: the stand-in" "$([ -s "$d/allinone.multivariant.bc" ] || echo "it was not made")"

# The authors' generator, against another implementation of ChaCha20: more draws than one key is used for, keys 0, 1, ...
mkdir -p "$d/wasi"
cat >"$d/wasi/api.h" <<'END'
#include <stddef.h>
#include <stdint.h>
#include <string.h>
static int __wasi_random_get(uint8_t *p, size_t n) { static uint8_t key; memset(p, key++, n); return 0; }
END
cat >"$d/main.c" <<'END'
#include <stdio.h>
int discriminate(int n);
int main(void) { for (int k = 0; k < 40000; k++) printf("%d\n", discriminate(k % 42 + 1)); }
END
${CC:-cc} -w -I "$d" bench/authors/discriminate.c "$d/main.c" -o "$d/draws"
result "authors: draws as Rust's rand 0.7 does" "$("$d/draws" | build/deps/venv/bin/python -c '
import struct, sys
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
words = b"".join(Cipher(algorithms.ChaCha20(bytes([k] * 32), bytes(16)), None).encryptor().update(bytes(65536)) for k in range(3))
want = [w % 1000000 % (k % 42 + 1) for k, (w,) in zip(range(40000), struct.iter_unpack("<I", words))]
have = [int(x) for x in sys.stdin]
print("" if have == want else f"{len(have)} draws, other from {next((k for k, p in enumerate(zip(have, want)) if p[0] != p[1]), None)}")')"

# In a folder of its own, so that neither modules nor rows of the real ones are touched.
authors() { make -s authors AUTHORS_BITCODE="$d" AUTHORS_SERVICES=bin2base64 AUTHORS_COUNT=40 BENCH_ROUNDS=4 AUTHORS_DIR="$temp/modules" \
	AUTHORS_ROWS_DIR="$temp/rows" "$@"; }
expect "authors: nothing without their files" 2 'Error 2$' authors AUTHORS_BITCODE=
result "authors: a folder without them" "$(authors AUTHORS_BITCODE="$temp" 2>&1 | grep -q '^authors: .*bc is missing$' ||
	echo "nothing is missed")"
authors >"$temp/table" 2>"$temp/err"
result "authors: linked, measured and printed" "$(tail -n 1 "$temp/err")"
result "authors: marked as unverified" "$(grep -q '^Unverified' "$temp/table" && grep -q '^  authors-unverified' "$temp/table" ||
	cat "$temp/table")"
result "authors: each execution of original and multivariant is counted" "$(awk -F, '$17 == "time_guest_count" {n[$10] += $18}
	END {if (n["original"] != 40 || n["aa"] != 40 || n["authors-unverified"] != 40) print "not 40"}' "$temp/rows/bin2base64.csv" 2>&1)"
draws() { strings "$temp/modules/bin2base64.$1.wasm" | grep -c random_get; }
result "authors: the multivariant draws, the original does not" "$([ "$(draws multivariant)" -gt 0 ] && [ "$(draws original)" = 0 ] || echo "not so")"

# One body that answers wrongly is not timed.
sed 's/return sodium_bin2base64_1_(b64, max, bin, len, variant)/b64[0] = 0; return b64/' "$d/dispatcher.c" >"$d/wrong.c"
bitcode dispatcher.bc "$d/wrong.c" && "$link" "$d"/{body0,body1,misuse,dispatcher}.bc -o "$d/allinone.multivariant.bc"
expect "authors: noticed: a body that answers wrongly" 2 'Error 1$' authors
exit $failed
