#!/bin/bash
# deps.sh - install what the project needs, pinned and checked; when all is there, say nothing and be done at once.
#
# Usage: scripts/deps.sh [test] [callgrind] [processes] [edge-npm] [edge] [load]      `test` adds what `make check` needs beyond `make`,
#        edge-npm included; edge-npm what npm brings for edge platforms, and Wasmtime for Python; edge Viceroy; load a load generator;
#        the others what the target of that name needs
# Out:   build/deps/{z3,wasmtime}/{include,lib}, build/deps/src/*, build/deps/venv, with `test` build/deps/witx, with it or edge-npm
#        build/deps/edge-npm, and last build/deps/config.mk, which says where everything is. System packages come from Debian, through
#        sudo where this is not root.
# Environment: WASI_SDK_PATH (a wasi-sdk in place of Debian's clang and wasi-libc), WASMTIME_PREFIX (a Wasmtime C API release in
#        place of the wheel and the crate), DISTDIR (a folder that is looked into before anything is fetched; the
#        build/deps/dist of another clone will do, and then only Debian's packages need a network), EDGE_CACHE (where Viceroy is
#        installed, for all clones; default ~/.cache/mewe/edge).
# Exit:  0; or 2 with one line that says what is missing and what to do.
# Must hold: nothing under its final name that is not whole and checked, so that an interrupted run can be run again.
set -euo pipefail
cd "$(dirname "$0")/.."
WHAT=" $* "
ROOT=$PWD
DEPS=$ROOT/build/deps
DIST=$DEPS/dist
[ -z "${DISTDIR:-}" ] || DISTDIR=$(realpath "$DISTDIR")
export LC_ALL=C PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

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

VICEROY_VERSION=0.22.0
VICEROY_CRATE=viceroy-$VICEROY_VERSION.crate
VICEROY_SHA256=b4a6a951733b7d27c1e1e242a10cafe26ffc2909377f7d3946ebb4c917ee931a
VICEROY_RUST=1.95 # the oldest that compiles it
VICEROY_CRATES=310 # that are compiled
WITX_CRATE=viceroy-lib-$VICEROY_VERSION.crate
WITX_SHA256=26bb54bfe28f97ec2c475a1ef1368c45bb832908ca23c1901f27c09b275cde20

PACKAGES="gcc libc6-dev make binutils bzip2 ca-certificates python3 python3-venv
	binaryen libzydis-dev libzycore-dev libjansson-dev libsqlite3-dev libsodium-dev libqrencode-dev
	zlib1g-dev libbrotli-dev g++ libbenchmark-dev"
PACKAGES_WASM="clang-19 lld-19 llvm-19 wasi-libc libclang-rt-19-dev-wasm32"
PACKAGES_callgrind="valgrind"
PACKAGES_processes="hyperfine wabt"
PACKAGES_load="wrk"
PACKAGES_test="zbar-tools cvc5 libbenchmark-tools $PACKAGES_callgrind $PACKAGES_processes"

wanted() { [[ $WHAT == *" $1 "* ]]; }

exec 3>&2
die() { printf 'deps: %s\n' "$*" >&2; exit 2; }
say() { printf 'deps: %s\n' "$*" >&3; }

# The line of a log that says what went wrong: the first that calls itself an error, or the last.
why() { { grep -m 1 -iE '^(E|error|deps):' "$1" || tail -n 1 "$1"; } | cut -c1-300; }

# ---- Debian ---------------------------------------------------------------------------------------------------------

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# apt ARGUMENTS: apt-get, quiet, patient where another one is at work.
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" >"$DEPS/apt.log" 2>&1
}

# missing PACKAGE...: those that are not installed.
missing() {
	comm -23 <(printf '%s\n' "$@" | sort -u) \
		<(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' | sort -u) |
		paste -sd ' '
}

updated=
debian() {
	local list
	list=$(missing "$@")
	[ -n "$list" ] || return 0
	command -v apt-get >/dev/null || die "no apt-get here: install these packages and run again: $list"
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "not root and no sudo: install these packages and run again: $list"
	say "installing from Debian: $list"
	[ -n "$updated" ] || apt update || die "apt-get update failed, and these packages are missing: $list: $(why "$DEPS/apt.log")"
	updated=1
	# shellcheck disable=SC2086 # a list of words
	apt install -y --no-install-recommends $list || die "apt-get can't install $list: $(why "$DEPS/apt.log")"
}

# shellcheck disable=SC2086 # lists of words
packages() {
	local list=$PACKAGES what
	if [ -n "${WASI_SDK_PATH:-}" ]; then wasi_sdk; else list+=" $PACKAGES_WASM"; fi
	for what in $WHAT; do what=PACKAGES_${what//-/_} && list+=" ${!what:-}"; done
	if { wanted test || wanted processes; } && ! command -v node >/dev/null; then list+=" nodejs"; fi
	if { wanted test || wanted edge-npm; } && ! command -v npm >/dev/null; then list+=" npm"; fi
	debian $list
}

# ---- files, checked -------------------------------------------------------------------------------------------------

TMP=
trap 'rm -rf "$TMP"' EXIT
new_tmp() { mkdir -p "$DIST"; TMP=$(mktemp -d "$DIST/tmp.XXXXXX"); }

sha_is() { echo "$2  $1" | sha256sum --status -c - 2>/dev/null; }

# fetch NAME SHA256 COMMAND...: put NAME into $DIST, from DISTDIR or by the command, which leaves it in the folder it runs in.
fetch() {
	local name=$1 sha=$2 from=${3#from_}
	shift 2
	sha_is "$DIST/$name" "$sha" && return
	new_tmp
	if [ -n "${DISTDIR:-}" ] && [ -f "$DISTDIR/$name" ]; then
		from=$DISTDIR
		cp "$DISTDIR/$name" "$TMP/$name"
	else
		say "fetching $name with $from"
		(cd "$TMP" && "$@") >"$TMP/log" 2>&1 ||
			die "$from can't fetch $name ($(why "$TMP/log")): try again, or put it into a folder and name that in DISTDIR"
	fi
	[ -f "$TMP/$name" ] || die "$from has another version than $name: put that file into a folder and name it in DISTDIR"
	sha_is "$TMP/$name" "$sha" ||
		die "$name from $from has the sha256 $(sha256sum <"$TMP/$name" | cut -c1-64), not $sha: not used, get it again"
	mv "$TMP/$name" "$DIST/$name"
	rm -rf "$TMP"
}

# from_pip REQUIREMENT PLATFORM: this one wheel, the same whatever machine asks.
from_pip() {
	venv
	pip download -q --no-deps --only-binary :all: --platform "$2" -d . "$1"
}

# from_cargo CRATE: `cargo info` of one version fetches that crate and no other. Cargo 1.85 and newer can, and can read crates of
# edition 2024; Debian 12's own can't, its cargo-web can. The user's own cargo folder is left alone; its settings may name a mirror.
from_cargo() {
	local cargo=cargo have
	have=$(cargo --version 2>/dev/null | cut -d ' ' -f 2 || true)
	if ! at_least 1.85 "${have:-0}"; then
		debian cargo-web rustc-web
		cargo=/usr/bin/cargo
	fi
	mkdir home
	cp "${CARGO_HOME:-$HOME/.cargo}"/config* home 2>/dev/null
	CARGO_HOME=$PWD/home "$cargo" info "$1" --registry crates-io && find home -name '*.crate' -exec mv {} . \;
}

# from_apt SOURCE: the upstream tarball of a Debian source package, from the machine's own mirrors, /etc left as it is: most
# machines' lists have no sources on them, so here are such lists of the main archive, made of their binary ones.
from_apt() {
	local release source=$1
	release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	mkdir -p etc/parts etc/lists/partial etc/cache
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		case $f in
		*.list) sed -En "s/^deb (.* ($release|stable)\\b.*)/deb-src \\1/p" "$f" >>etc/parts/all.list ;;
		*.sources) grep -Eq "^Suites:(.* )?($release|stable)\\b" "$f" &&
			sed 's/^Types:.*/Types: deb-src/' "$f" >"etc/parts/$(basename "$f")" ;;
		esac
	done
	set -- -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$PWD/etc/parts" -o APT::Sandbox::User= \
		-o Dir::State::lists="$PWD/etc/lists" -o Dir::Cache="$PWD/etc/cache"
	apt-get "$@" update
	apt-get "$@" source --download-only --tar-only "$source"
}

# ---- the parts: each folder is made beside its place and moved there when it is whole --------------------------------

# begin FOLDER KEY FILE: make FOLDER.new, unless FOLDER is there, has FILE, and was made from what KEY stands for.
begin() {
	local key=
	[ ! -f "$1/.whole" ] || read -r key <"$1/.whole"
	[ "$key" != "$2" ] || [ ! -e "$1/$3" ] || return 1
	rm -rf "$1.new"
	mkdir -p "$1.new"
}
finish() {
	echo "$2" >"$1.new/.whole"
	rm -rf "$1"
	mv "$1.new" "$1"
}

z3() {
	local d=$DEPS/z3
	begin "$d" "$Z3_SHA256" lib/libz3.so || return 0
	fetch "$Z3_WHEEL" "$Z3_SHA256" from_pip "z3-solver==$Z3_VERSION" manylinux_2_27_x86_64
	python3 -m zipfile -e "$DIST/$Z3_WHEEL" "$d.new/wheel"
	mv "$d.new/wheel/z3/include" "$d.new/wheel/z3/lib" "$d.new"
	rm -rf "$d.new/wheel"
	finish "$d" "$Z3_SHA256"
}

# The wheel has the library, the crate its headers; which features the library was built with is read off its symbols.
wasmtime() {
	local d=$DEPS/wasmtime key=$WASMTIME_SHA256-$HEADERS_SHA256
	begin "$d" "$key" lib/libwasmtime.so || return 0
	fetch "$WASMTIME_WHEEL" "$WASMTIME_SHA256" from_pip "wasmtime==$WASMTIME_VERSION" manylinux1_x86_64
	fetch "$HEADERS_CRATE" "$HEADERS_SHA256" from_cargo "wasmtime-c-api-impl@$WASMTIME_VERSION"
	python3 -m zipfile -e "$DIST/$WASMTIME_WHEEL" "$d.new/wheel"
	mkdir "$d.new/lib"
	mv "$d.new/wheel/wasmtime/linux-x86_64/_libwasmtime.so" "$d.new/lib/libwasmtime.so"
	rm -rf "$d.new/wheel"
	tar -xf "$DIST/$HEADERS_CRATE" -C "$d.new" --strip-components=1 "${HEADERS_CRATE%.crate}/include"
	conf_h "$d.new/lib/libwasmtime.so" <"$d.new/include/wasmtime/conf.h.in" >"$d.new/include/wasmtime/conf.h"
	finish "$d" "$key"
}

# Each feature has a function that only a library with the feature exports; the features not named here declare none.
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
		COMPONENT_MODEL_ASYNC) mark=wasmtime_component_func_call_async ;;
		*) mark=none ;;
		esac
		if grep -qx "$mark" <<<"$symbols"; then echo "#define WASMTIME_FEATURE_$feature"
		else echo "/* #undef WASMTIME_FEATURE_$feature */"; fi
	done
}

wasmtime_prefix() {
	[ -f "$WASMTIME_PREFIX/include/wasmtime/conf.h" ] && [ -f "$WASMTIME_PREFIX/lib/libwasmtime.so" ] ||
		die "WASMTIME_PREFIX=$WASMTIME_PREFIX has no include/wasmtime/conf.h and lib/libwasmtime.so: name the folder of a C API release"
	grep -q "WASMTIME_VERSION \"$WASMTIME_VERSION\"" "$WASMTIME_PREFIX/include/wasmtime.h" ||
		say "WASMTIME_PREFIX=$WASMTIME_PREFIX is not version $WASMTIME_VERSION: other variants may survive its compiler"
}

wasi_sdk() {
	"$WASI_SDK_PATH/bin/clang" --version >/dev/null 2>&1 && [ -d "$WASI_SDK_PATH/share/wasi-sysroot" ] ||
		die "WASI_SDK_PATH=$WASI_SDK_PATH has no working bin/clang and share/wasi-sysroot: name the folder of a wasi-sdk"
}

# source_of FOLDER TARBALL SHA256 PACKAGE FILE: the tarball's files, whatever its own folder is called.
source_of() {
	local d=$DEPS/src/$1
	begin "$d" "$3" "$5" || return 0
	fetch "$2" "$3" from_apt "$4"
	tar -xf "$DIST/$2" -C "$d.new" --strip-components=1
	finish "$d" "$3"
}

# What Fastly's host functions are called and take: the description in Viceroy's own source, of which nothing else is unpacked.
witx() {
	local d=$DEPS/witx
	begin "$d" "$WITX_SHA256" compute-at-edge.witx || return 0
	fetch "$WITX_CRATE" "$WITX_SHA256" from_cargo "viceroy-lib@$VICEROY_VERSION"
	tar -xf "$DIST/$WITX_CRATE" -C "$d.new" --strip-components=3 "${WITX_CRATE%.crate}/wasm_abi/compute-at-edge-abi"
	finish "$d" "$WITX_SHA256"
}

pip() { "$DEPS/venv/bin/python" -m pip "$@"; }

venv() {
	pip --version >/dev/null 2>&1 && return
	rm -rf "$DEPS/venv"
	python3 -m venv "$DEPS/venv" >"$DEPS/pip.log" 2>&1 ||
		die "$(command -v python3) can't make a virtual environment: $(why "$DEPS/pip.log")"
}

# python FILE: what the requirements file names, from wheels that stay in $DIST: those there and in DISTDIR come first.
python() {
	local file=$1 whole=$DEPS/venv/.${1##*/} log=$DEPS/pip.log local=(--no-index --find-links "$DIST")
	[ -x "$DEPS/venv/bin/python" ] && cmp -s "$file" "$whole" && return
	venv
	say "installing with pip: $(sed -En 's/^([a-z][a-z0-9_-]*==[0-9.]+).*/\1/p' "$file" | paste -sd ' ')"
	set -- -q --require-hashes --only-binary :all: -r "$file"
	new_tmp
	pip download "$@" "${local[@]}" ${DISTDIR:+--find-links "$DISTDIR"} -d "$TMP" >"$log" 2>&1 || pip download "$@" -d "$TMP" >"$log" 2>&1 ||
		die "pip can't fetch what $file names ($(why "$log")): try again, or put the wheels into a folder and name that in DISTDIR"
	mv "$TMP"/*.whl "$DIST"
	rm -rf "$TMP"
	pip install "$@" "${local[@]}" >"$log" 2>&1 || die "pip can't install what $file names: $(why "$log")"
	cp "$file" "$whole"
}

# ---- the edge ---------------------------------------------------------------------------------------------------------

# What bench/edge/package-lock.json pins: workerd and Wizer. npm keeps what it fetches in a cache in $DIST, and checks it each time.
edge_npm() {
	local d=$DEPS/edge-npm key log=$DEPS/npm.log
	key=$(sha256sum <bench/edge/package-lock.json | cut -c1-64)
	begin "$d" "$key" node_modules/@cloudflare/workerd-linux-64/bin/workerd || return 0
	say "installing with npm: $(sed -En 's/^    "(.*)": "([0-9.]+)",?$/\1@\2/p' bench/edge/package.json | paste -sd ' ')"
	cp bench/edge/package.json bench/edge/package-lock.json "$d.new"
	if [ ! -d "$DIST/npm" ] && [ -d "${DISTDIR:-}/npm" ]; then
		rm -rf "$DIST/npm.new"
		cp -R "$DISTDIR/npm" "$DIST/npm.new"
		mv "$DIST/npm.new" "$DIST/npm"
	fi
	set -- ci --prefix "$d.new" --cache "$DIST/npm" --no-audit --no-fund --ignore-scripts --no-update-notifier
	npm "$@" --offline >"$log" 2>&1 || npm "$@" >"$log" 2>&1 ||
		die "npm can't install what bench/edge/package-lock.json names ($(why "$log")): try again, or name a folder with another clone's npm in DISTDIR"
	finish "$d" "$key"
}

# at_least WANTED VERSION
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# Says how far cargo is, while process $1 lives: every second on a terminal, else every half minute.
compiling() {
	local n last=$SECONDS every=30
	[ ! -t 2 ] || every=1
	while kill -0 "$1" 2>/dev/null; do
		sleep 1
		[ $((SECONDS - last)) -ge $every ] || continue
		last=$SECONDS
		n=$(grep -c '^ *Compiling ' "$2" || true)
		if [ -t 2 ]; then printf '\rdeps: viceroy: %d of about %d crates ' "$n" $VICEROY_CRATES >&2
		else say "viceroy: $n of about $VICEROY_CRATES crates"; fi
	done
	[ ! -t 2 ] || printf '\r\033[K' >&2
}

have_viceroy() { [ "$("$1/bin/viceroy" --version 2>/dev/null)" = "viceroy $VICEROY_VERSION" ]; }

# Viceroy from its crate, whose lock file has a checksum for each of the crates that it is made of. What was compiled stays there
# until all is, so that an interrupted run goes on.
viceroy() {
	local cache=${EDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mewe/edge} have log cargo
	if have_viceroy "$cache"; then return; fi
	have=$(rustc --version 2>/dev/null | cut -d ' ' -f 2 || true)
	command -v cargo >/dev/null && at_least "$VICEROY_RUST" "${have:-0}" ||
		die "Viceroy needs cargo and rustc $VICEROY_RUST or newer, here is ${have:-none}: install Rust's stable toolchain with rustup, and run again"
	fetch "$VICEROY_CRATE" "$VICEROY_SHA256" from_cargo "viceroy@$VICEROY_VERSION"
	mkdir -p "$cache/source"
	exec 8>"$cache/lock"
	flock 8 # another clone may be at it, and will leave nothing to do
	if have_viceroy "$cache"; then return; fi
	tar -xf "$DIST/$VICEROY_CRATE" -C "$cache/source"
	log=$cache/cargo.log
	say "compiling Viceroy $VICEROY_VERSION into $cache, once: about 12 minutes on two processors"
	CARGO_TARGET_DIR=$cache/target cargo install --locked --root "$cache" --path "$cache/source/${VICEROY_CRATE%.crate}" >"$log" 2>&1 &
	cargo=$!
	trap 'kill $cargo 2>/dev/null; rm -rf "$TMP"' EXIT
	compiling $cargo "$log"
	wait $cargo || die "cargo can't install viceroy ($(why "$log")): run again, or see $log"
	trap 'rm -rf "$TMP"' EXIT
	rm -rf "$cache/target" "$cache/source"
	exec 8>&-
}

# The Makefile's part of it. Programs find the libraries from where they are themselves: build/, build/tests/, build/san/tests/.
config() {
	local new=$DEPS/config.mk.new wt=${WASMTIME_PREFIX:-build/deps/wasmtime} origin='$$ORIGIN/$(up)/deps'
	cat >"$new" <<-EOF
		# Written by scripts/deps.sh: where things are. Made from $Z3_SHA256 $WASMTIME_SHA256 $HEADERS_SHA256
		Z3_CFLAGS := -isystem build/deps/z3/include
		Z3_LIBS := -Lbuild/deps/z3/lib -lz3
		WT_CFLAGS := -isystem $wt/include
		WT_LIBS := -L$wt/lib -lwasmtime
		RPATHS := \$(foreach up,. .. ../..,-Wl,-rpath,'$origin/z3/lib:$origin/wasmtime/lib')${WASMTIME_PREFIX:+ -Wl,-rpath,$WASMTIME_PREFIX/lib}
		PYTHON := build/deps/venv/bin/python
	EOF
	if cmp -s "$new" "$DEPS/config.mk"; then rm "$new"; else mv "$new" "$DEPS/config.mk"; fi
}

# ---- all of it; one at a time, for two makes may start at once --------------------------------------------------------

for what in $WHAT; do
	case $what in
	test | callgrind | processes | edge-npm | edge | load) ;;
	*) die "usage: scripts/deps.sh [test] [callgrind] [processes] [edge-npm] [edge] [load]" ;;
	esac
done
[ "$(uname -sm)" = "Linux x86_64" ] || die "this is $(uname -sm): the pinned libraries are for Linux on x86_64"
mkdir -p "$DEPS/src"
exec 9>"$DEPS/lock"
flock 9
packages
z3
if [ -n "${WASMTIME_PREFIX:-}" ]; then wasmtime_prefix; else wasmtime; fi
source_of libsodium-1.0.18 "$SODIUM_TAR" "$SODIUM_SHA256" libsodium src/libsodium
source_of libqrencode-4.1.1 "$QRENCODE_TAR" "$QRENCODE_SHA256" qrencode qrencode.h
python scripts/requirements.txt
if wanted test; then
	python scripts/requirements-test.txt
	witx
fi
if wanted test || wanted edge-npm; then
	edge_npm
	python scripts/requirements-edge.txt
fi
if wanted edge; then viceroy; fi
config
