#!/bin/sh
# run.sh - do the services answer as their vectors say, whatever they are asked, however they are built?
#
# usage: tests/services/run.sh      from the top, after `make services-raw services-native services-fuzz`
#
# Out: lines `ok NAME` and `not ok NAME: why`; exit code 1 if there was any of the latter. Modules that mewe has built are
# tested too where they are there. Each check is also shown something wrong, which it must report.
vectors=services/vectors
services="encrypt decrypt random invert bin2base64 qr_str qr_image"
here=tests/services
rounds=${ROUNDS:-2000}
export NODE_NO_WARNINGS=1
temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' INT TERM
failed=0

# result NAME WHY: a line; an empty WHY is success.
result() {
	if [ -z "$2" ]; then
		echo "ok $1"
	else
		echo "not ok $1: $2"
		failed=1
	fi
}

# The vectors, for every build of every service that is there.
each_build() {
	for s in $services; do
		"$1" "$s" "build/services/native/$s" native
		for profile in release paper; do
			"$1" "$s" "build/services/raw/$profile/$s.wasm" "raw/$profile"
		done
		for f in build/services/$s.wasm build/services/$s.multivariant.wasm build/services/paper/$s.wasm \
			build/services/paper/$s.multivariant.wasm; do
			[ ! -f "$f" ] || "$1" "$s" "$f" "${f#build/}"
		done
	done
}
check_vectors() {
	if [ ! -f "$2" ]; then
		result "$3 $1" "$2 is not there: make services-raw services-native"
		return
	fi
	node $here/vectors.mjs $vectors "$1" "$2" "$3" || failed=1
}

# expect NAME PATTERN COMMAND...: the command must fail, and print a line that matches the pattern.
expect() {
	name=$1 pattern=$2
	shift 2
	if "$@" >"$temp/out" 2>&1; then
		result "$name" "nothing was reported"
	elif ! grep -Eq "$pattern" "$temp/out"; then
		result "$name" "what was reported is: $(head -n 1 "$temp/out")"
	else
		result "$name" ""
	fi
}

# flip FILE: change the lowest bit of its first byte.
flip() {
	byte=$(od -An -tu1 -N1 "$1" | tr -d ' ')
	printf "\\$(printf %o $((byte ^ 1)))" | dd of="$1" conv=notrunc 2>/dev/null
}

# program NAME COMMAND: a program that answers what the command prints.
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$temp/$1"
	chmod +x "$temp/$1"
}

wrong_vectors() {
	cp -R $vectors "$temp/vectors"
	flip "$temp/vectors/encrypt/valid.out"
	expect "a changed bit of an answer is seen" '^not ok x encrypt valid: byte 0' \
		node $here/vectors.mjs "$temp/vectors" encrypt build/services/native/encrypt x
	expect "a changed bit of an answer is seen in-process" '^not ok x encrypt valid in-process: byte 0' \
		node $here/vectors.mjs "$temp/vectors" encrypt build/services/raw/release/encrypt.wasm x
	flip "$temp/vectors/decrypt/valid.in"
	expect "a changed bit of a request is seen" '^not ok x decrypt valid: ' \
		node $here/vectors.mjs "$temp/vectors" decrypt build/services/native/decrypt x
	flip "$temp/vectors/invert/short.err"
	expect "another error is seen" '^not ok x invert short: error' \
		node $here/vectors.mjs "$temp/vectors" invert build/services/native/invert x
}

wrong_programs() {
	program other "printf other | $PWD/build/services/native/qr_image"
	expect "a QR code of another text is seen" '^not ok x qr_image valid read back: zbarimg reads "other"' \
		node $here/vectors.mjs $vectors qr_image "$temp/other" x
	program zero 'head -c 32 /dev/zero'
	expect "a zero scalar is seen" '^not ok x random valid: scalar 0 is zero' \
		node $here/vectors.mjs $vectors random "$temp/zero" x
	program large "head -c 32 /dev/zero | tr '\\000' '\\377'"
	expect "a scalar above the order is seen" '^not ok x random valid: scalar 0 is not below' \
		node $here/vectors.mjs $vectors random "$temp/large" x
}

fuzz() {
	for s in $services; do
		why=
		build/services/fuzz/"$s" "$rounds" 1 >"$temp/out" 2>&1 || why="exit code $?, $(grep -Em1 'ERROR|error|round' "$temp/out")"
		result "fuzz $s natively" "$why"
		for profile in release paper; do
			why=
			node $here/fuzz.mjs $vectors "$s" "build/services/raw/$profile/$s.wasm" "build/services/native/$s" "$rounds" \
				>"$temp/out" 2>&1 || why="exit code $?, $(grep -Em1 'Error|round' "$temp/out")"
			result "fuzz $s raw/$profile" "$why"
		done
	done
	expect "the fuzzer sees a read behind the request" 'heap-buffer-overflow' build/services/fuzz/broken "$rounds" 1
	expect "the fuzzer sees another answer" 'another|status' \
		node $here/fuzz.mjs $vectors encrypt build/services/raw/release/decrypt.wasm build/services/native/encrypt "$rounds"
}

# Without standard input a service answers its default; without room for the answer it says so.
streams() {
	for s in encrypt qr_str; do
		for way in "build/services/native/$s" "node $here/command.mjs build/services/raw/release/$s.wasm"; do
			why=
			$way <&- 2>&1 | cmp -s - "$vectors/$s/default.out" || why="another answer"
			result "$s without standard input: ${way%% *}" "$why"
			expect "$s with a full disk: ${way%% *}" "^$s: 500 can't write to standard output" sh -c "$way </dev/null 2>&1 >/dev/full"
		done
	done
}

# The same bytes in another folder, with the libraries' sources by another path.
reproducible() {
	mkdir "$temp/elsewhere"
	cp -R services tests "$temp/elsewhere"
	ln -s "$(realpath "${LIBSODIUM_SRC:-build/deps/src/libsodium-1.0.18}")" "$temp/one"
	ln -s "$(realpath "${LIBQRENCODE_SRC:-build/deps/src/libqrencode-4.1.1}")" "$temp/two"
	modules="build/services/raw/release/random.wasm build/services/raw/paper/qr_str.wasm"
	make -s -C "$temp/elsewhere" -f services/rules.mk $modules LIBSODIUM_SRC="$temp/one" LIBQRENCODE_SRC="$temp/two" \
		>"$temp/out" 2>&1
	for m in $modules; do
		why=
		cmp -s "$m" "$temp/elsewhere/$m" || why="other bytes in another folder $(head -n 1 "$temp/out")"
		result "reproducible ${m#build/services/}" "$why"
	done
}

each_build check_vectors
wrong_vectors
wrong_programs
node $here/random.mjs build/services/raw/release/random.wasm || failed=1
fuzz
streams
reproducible
exit $failed
