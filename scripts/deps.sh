#!/bin/bash
# deps.sh - install what the project needs, pinned and checked; nothing when all is there.
#
# Usage: scripts/deps.sh [test]      `test` adds what `make check` needs beyond `make`
# Out:   build/deps/{z3,wasmtime}/{include,lib}, build/deps/src/*, build/deps/venv, and last build/deps/config.mk, which says
#        where everything is. System packages come from Debian, through sudo where this is not root.
# Environment: WASI_SDK_PATH (a wasi-sdk in place of Debian's clang and wasi-libc), WASMTIME_PREFIX (a Wasmtime C API release in
#        place of the wheel and the crate), DISTDIR (a folder that is looked into before anything is fetched).
# Exit:  0; or 2 with one line that says what is missing and what to do.
set -euo pipefail
cd "$(dirname "$0")/.."
WHAT=${1:-main}
DEPS=build/deps
ROOT=$PWD
export LC_ALL=C PIP_DISABLE_PIP_VERSION_CHECK=1 DEBIAN_FRONTEND=noninteractive

Z3_VERSION=5.4.1.0
Z3_WHEEL=z3_solver-$Z3_VERSION-py3-none-manylinux_2_27_x86_64.whl
Z3_SHA256=e680ce083683abca5d07c3e55c2f620ff9a29cb91c548eeeea27ae29e8060522
WASMTIME_VERSION=50.0.1
WASMTIME_WHEEL=wasmtime-$WASMTIME_VERSION-py3-none-manylinux1_x86_64.whl
WASMTIME_SHA256=cc14c3a17654e0394e0225b11813532ef0cd7bd1e222a0c5494cdedaabeddac4
HEADERS_CRATE=wasmtime-c-api-impl-$WASMTIME_VERSION.crate
HEADERS_SHA256=3c24d3970786b4baecb5b6aff31759b4f361879e8d99dbd5dc36a9524a0db6e6
SODIUM_TAR=libsodium_1.0.18.orig.tar.gz
SODIUM_SHA256=d59323c6b712a1519a5daf710b68f5e7fde57040845ffec53850911f10a5d4f4
QRENCODE_TAR=qrencode_4.1.1.orig.tar.bz2
QRENCODE_SHA256=e455d9732f8041cf5b9c388e345a641fd15707860f928e94507b1961256a6923

PACKAGES="gcc g++ libc6-dev make ca-certificates python3 python3-venv bzip2 xz-utils binutils
	binaryen libzydis-dev libzycore-dev libjansson-dev libsodium-dev libqrencode-dev"
PACKAGES_WASM="clang-19 lld-19 llvm-19 wasi-libc libclang-rt-19-dev-wasm32"
PACKAGES_TEST="zbar-tools clang-19 lld-19"

die() { printf 'deps: %s\n' "$*" >&2; exit 2; }
say() { printf 'deps: %s\n' "$*"; }

# ---- Debian ---------------------------------------------------------------------------------------------------------

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"
	elif command -v sudo >/dev/null; then sudo -E "$@"
	else die "not root and no sudo: install these packages and run again: $MISSING"; fi
}

updated=
apt_update() {
	[ -n "$updated" ] && return
	as_root apt-get -qq update >"$DEPS/apt.log" 2>&1 || die "apt-get update failed: $(tail -n 1 "$DEPS/apt.log")"
	updated=1
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

debian() {
	MISSING=
	for p in "$@"; do installed "$p" || MISSING="$MISSING $p"; done
	[ -z "$MISSING" ] && return
	command -v apt-get >/dev/null || die "no apt-get here: install these yourself:$MISSING"
	apt_update
	say "installing from Debian:$MISSING"
	# shellcheck disable=SC2086 # a list of words
	as_root apt-get -qq install -y --no-install-recommends $MISSING >"$DEPS/apt.log" 2>&1 ||
		die "apt-get can't install$MISSING: $(grep -m 1 '^E:' "$DEPS/apt.log" || tail -n 1 "$DEPS/apt.log")"
}

# `cargo info` of a named version fetches that one crate; a cargo of 2025 or newer has it.
cargo_command() {
	if command -v cargo >/dev/null && cargo info --help >/dev/null 2>&1; then command -v cargo
	else debian cargo-web rustc-web >&2; command -v cargo; fi
}

# ---- files, checked -------------------------------------------------------------------------------------------------

sha_is() { echo "$2  $1" | sha256sum --status -c - 2>/dev/null; }

# fetch NAME SHA256 COMMAND...: put NAME into $DEPS/dist, from DISTDIR or by COMMAND, which leaves it in the folder $TMP.
fetch() {
	local name=$1 sha=$2 to=$DEPS/dist/$1
	shift 2
	[ -f "$to" ] && sha_is "$to" "$sha" && return
	mkdir -p "$DEPS/dist"
	TMP=$(mktemp -d "$ROOT/$DEPS/dist/tmp.XXXXXX")
	if [ -n "${DISTDIR:-}" ] && [ -f "$DISTDIR/$name" ]; then
		cp "$DISTDIR/$name" "$TMP/$name"
	else
		say "fetching $name"
		(cd "$TMP" && "$@") >"$TMP/log" 2>&1 ||
			die "can't fetch $name ($(tail -n 1 "$TMP/log" | cut -c1-200)); put it into a folder and name that in DISTDIR"
	fi
	[ -f "$TMP/$name" ] || die "$name did not arrive; put it into a folder and name that in DISTDIR"
	sha_is "$TMP/$name" "$sha" || die "$name has the wrong sha256 $(sha256sum <"$TMP/$name" | cut -c1-64), not $sha; remove it and get it again"
	mv "$TMP/$name" "$to"
	rm -rf "$TMP"
}

wheel() { "$ROOT/$DEPS/venv/bin/pip" download -q --no-deps --only-binary :all: --platform "$2" "$1"; }

crate() {
	local home
	home=$(mktemp -d)
	CARGO_HOME=$home "$CARGO" info "${1%.crate}" --registry crates-io || { rm -rf "$home"; return 1; }
	find "$home" -name "$2" -exec cp {} . \;
	rm -rf "$home"
}

# The orig tarball of a Debian source package, from the machine's own mirrors; its sources are not on most machines' lists.
debian_source() {
	local etc=$PWD/etc
	mkdir -p "$etc/lists" "$etc/parts"
	find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' 2>/dev/null -exec sed -n 's/^deb /deb-src /p' {} + |
		grep -i debian >"$etc/parts/src.list" || true
	[ -f /etc/apt/sources.list ] && sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >>"$etc/parts/src.list"
	for f in /etc/apt/sources.list.d/debian*.sources; do
		[ -f "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >"$etc/parts/$(basename "$f")"
	done
	set -- "$1" -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$etc/parts" -o "Dir::State::lists=$etc/lists"
	apt-get -qq update "${@:2}" -o APT::Sandbox::User= && apt-get -qq source --download-only --tar-only "${@:2}" -o APT::Sandbox::User= "$1"
}

# unpack FOLDER TAR: into $DEPS/src/FOLDER, whatever the tarball's own folder is called.
unpack() {
	[ -f "$DEPS/src/$1/.whole" ] && return
	rm -rf "$DEPS/src/$1"
	mkdir -p "$DEPS/src/$1"
	tar -xf "$DEPS/dist/$2" -C "$DEPS/src/$1" --strip-components=1
	touch "$DEPS/src/$1/.whole"
}

# ---- the parts ------------------------------------------------------------------------------------------------------

venv() {
	local stamp
	stamp=$(sha256sum "$@" | sha256sum | cut -c1-64)
	[ -f "$DEPS/venv/stamp-$stamp" ] && return
	[ -x "$DEPS/venv/bin/pip" ] || python3 -m venv "$DEPS/venv" >"$DEPS/venv.log" 2>&1 ||
		die "python3 can't make a venv: $(tail -n 1 "$DEPS/venv.log"); install python3-venv"
	for f in "$@"; do
		say "installing from PyPI: $(grep -oE '^[a-z0-9-]+==[0-9.]+' "$f" | tr '\n' ' ')"
		"$DEPS/venv/bin/pip" install -q --require-hashes --only-binary :all: -r "$f" >"$DEPS/pip.log" 2>&1 ||
			die "pip can't install $f: $(grep -m 1 ERROR "$DEPS/pip.log" || tail -n 1 "$DEPS/pip.log")"
	done
	touch "$DEPS/venv/stamp-$stamp"
}

z3() {
	fetch "$Z3_WHEEL" "$Z3_SHA256" wheel "z3-solver==$Z3_VERSION" manylinux_2_27_x86_64
	[ -f "$DEPS/z3/lib/libz3.so" ] && [ -f "$DEPS/z3/include/z3.h" ] && return
	rm -rf "$DEPS/z3.new" "$DEPS/z3"
	python3 -m zipfile -e "$DEPS/dist/$Z3_WHEEL" "$DEPS/z3.new"
	mv "$DEPS/z3.new/z3" "$DEPS/z3"
	rm -rf "$DEPS/z3.new"
}

# The wheel has the library, the crate its headers; which features the library was built with is read off its symbols.
wasmtime() {
	local d=$DEPS/wasmtime
	fetch "$WASMTIME_WHEEL" "$WASMTIME_SHA256" wheel "wasmtime==$WASMTIME_VERSION" manylinux1_x86_64
	[ -f "$DEPS/dist/$HEADERS_CRATE" ] || CARGO=$(cargo_command)
	fetch "$HEADERS_CRATE" "$HEADERS_SHA256" crate "wasmtime-c-api-impl@$WASMTIME_VERSION" "$HEADERS_CRATE"
	[ -f "$d/.whole" ] && return
	rm -rf "$d" "$d.new"
	mkdir -p "$d.new/lib"
	python3 -m zipfile -e "$DEPS/dist/$WASMTIME_WHEEL" "$d.new/wheel"
	mv "$d.new/wheel/wasmtime/linux-x86_64/_libwasmtime.so" "$d.new/lib/libwasmtime.so"
	rm -rf "$d.new/wheel"
	tar -xf "$DEPS/dist/$HEADERS_CRATE" -C "$d.new" --strip-components=1 "${HEADERS_CRATE%.crate}/include"
	conf_h "$d.new/lib/libwasmtime.so" <"$d.new/include/wasmtime/conf.h.in" >"$d.new/include/wasmtime/conf.h"
	touch "$d.new/.whole"
	mv "$d.new" "$d"
}

# Each feature's header declares a function that only a library with the feature has.
conf_h() {
	local symbols feature mark
	symbols=$(nm -D --defined-only "$1" | awk '{print $3}')
	while IFS= read -r line; do
		case $line in
		'#cmakedefine '*) ;;
		*) printf '%s\n' "$line"; continue ;;
		esac
		feature=${line#\#cmakedefine WASMTIME_FEATURE_}
		case $feature in
		PROFILING) mark=wasmtime_guestprofiler_new ;;
		WAT) mark=wasmtime_wat2wasm ;;
		CACHE) mark=wasmtime_config_cache_config_load ;;
		PARALLEL_COMPILATION) mark=wasmtime_config_parallel_compilation_set ;;
		WASI) mark=wasi_config_new ;;
		WASI_HTTP) mark=wasmtime_context_set_wasi_http ;;
		THREADS) mark=wasmtime_sharedmemory_new ;;
		GC) mark=wasmtime_config_wasm_gc_set ;;
		ASYNC) mark=wasmtime_call_future_poll ;;
		CRANELIFT) mark=wasmtime_config_cranelift_opt_level_set ;;
		POOLING_ALLOCATOR) mark=wasmtime_pooling_allocation_config_new ;;
		COMPONENT_MODEL) mark=wasmtime_component_new ;;
		*) mark=none ;;
		esac
		if grep -qx "$mark" <<<"$symbols"; then echo "#define WASMTIME_FEATURE_$feature"
		else echo "/* not in this library: WASMTIME_FEATURE_$feature */"; fi
	done
}

wasmtime_prefix() {
	[ -f "$WASMTIME_PREFIX/include/wasmtime.h" ] || die "WASMTIME_PREFIX=$WASMTIME_PREFIX has no include/wasmtime.h; name the folder of a C API release"
	ls "$WASMTIME_PREFIX"/lib/libwasmtime.* >/dev/null 2>&1 || die "WASMTIME_PREFIX=$WASMTIME_PREFIX has no lib/libwasmtime; name the folder of a C API release"
}

wasi_sdk() {
	"$WASI_SDK_PATH/bin/clang" --version >/dev/null 2>&1 || die "WASI_SDK_PATH=$WASI_SDK_PATH has no working bin/clang; name the folder of a wasi-sdk"
	[ -d "$WASI_SDK_PATH/share/wasi-sysroot" ] || die "WASI_SDK_PATH=$WASI_SDK_PATH has no share/wasi-sysroot; name the folder of a wasi-sdk"
}

sources() {
	fetch "$SODIUM_TAR" "$SODIUM_SHA256" debian_source libsodium
	fetch "$QRENCODE_TAR" "$QRENCODE_SHA256" debian_source qrencode
	unpack libsodium-1.0.18 "$SODIUM_TAR"
	unpack libqrencode-4.1.1 "$QRENCODE_TAR"
}

config() {
	local wt=${WASMTIME_PREFIX:-$ROOT/$DEPS/wasmtime} new=$DEPS/config.mk.new
	cat >"$new" <<-EOF
		# Written by scripts/deps.sh: where things are.
		Z3_CFLAGS := -isystem $DEPS/z3/include
		Z3_LIBS := -L$DEPS/z3/lib -lz3
		WT_CFLAGS := -isystem ${wt#"$ROOT"/}/include
		WT_LIBS := -L${wt#"$ROOT"/}/lib -lwasmtime
		RPATHS := -Wl,-rpath,$ROOT/$DEPS/z3/lib -Wl,-rpath,$(realpath "$wt")/lib
		PYTHON := $DEPS/venv/bin/python
	EOF
	if cmp -s "$new" "$DEPS/config.mk"; then rm "$new"; touch "$DEPS/config.mk"; else mv "$new" "$DEPS/config.mk"; fi
}

# ---- all of it, unless the stamp says that nothing changed ----------------------------------------------------------

[ "$(uname -sm)" = "Linux x86_64" ] || die "this is $(uname -sm); the pinned libraries are for Linux on x86_64"
mkdir -p "$DEPS"
STAMP=$(cat scripts/deps.sh scripts/requirements*.txt | cat - <(echo "$ROOT ${WASI_SDK_PATH:-} ${WASMTIME_PREFIX:-}") | sha256sum | cut -c1-64)
if [ -f "$DEPS/stamp-$WHAT-$STAMP" ] && [ -f "$DEPS/config.mk" ]; then exit 0; fi
# shellcheck disable=SC2086 # lists of words
{
	debian $PACKAGES
	if [ -n "${WASI_SDK_PATH:-}" ]; then wasi_sdk; else debian $PACKAGES_WASM; fi
	[ "$WHAT" = test ] && debian $PACKAGES_TEST
	[ "$WHAT" = test ] && ! command -v node >/dev/null && debian nodejs
}
if [ "$WHAT" = test ]; then venv scripts/requirements.txt scripts/requirements-test.txt; else venv scripts/requirements.txt; fi
z3
if [ -n "${WASMTIME_PREFIX:-}" ]; then wasmtime_prefix; else wasmtime; fi
sources
config
rm -f "$DEPS"/stamp-"$WHAT"-*
touch "$DEPS/stamp-$WHAT-$STAMP"
say "all there"
