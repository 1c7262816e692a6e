#!/bin/bash
# deps.test.sh - does scripts/deps.sh refuse what is wrong or missing in one line with exit code 2, leave nothing behind that looks
# whole, and need no network where DISTDIR has it all?
#
# In:  build/deps/dist, as `scripts/deps.sh test` leaves it. Nothing is fetched and nothing installed: the proxies lead nowhere,
#      and apt-get, where it would be run, is another program.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
dist=$PWD/build/deps/dist
tree=$temp/tree
Z3=z3_solver-5.4.1.0-py3-none-manylinux_2_27_x86_64.whl
CRATE=wasmtime-c-api-impl-50.0.1.crate
SODIUM=libsodium_1.0.18.orig.tar.gz
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9
export PIP_RETRIES=0 CARGO_NET_RETRY=0 NPM_CONFIG_FETCH_RETRIES=0

# fresh: a tree with nothing built, that wants one small Python package.
fresh() {
	rm -rf "$tree"
	mkdir -p "$tree"
	cp -R scripts "$tree"
	sed -n '/^qrcodegen/,/[^\\]$/p' scripts/requirements-test.txt >"$tree/scripts/requirements.txt"
}
deps() { "$tree/scripts/deps.sh"; }

# distdir NAME...: a DISTDIR with all files but these.
distdir() {
	export DISTDIR=$temp/distdir
	rm -rf "$DISTDIR"
	mkdir "$DISTDIR"
	ln -s "$dist"/* "$DISTDIR"
	for f in "$@"; do rm -f "$DISTDIR/$f"; done
}

# nothing WHAT PATH...: these are not there, nor anything half fetched.
nothing() {
	local what=$1 left
	shift
	left=$(cd "$tree/build/deps" && find "$@" dist/tmp.* config.mk 2>/dev/null)
	result "$what leaves nothing behind" "$left"
}

one_line() { result "$1 is one line" "$(grep -v '^deps: [fi][en]' "$temp/out" | sed 1d)"; }

# The whole way without a network: the control for all refusals below.
whole() {
	fresh
	distdir
	expect "installs from DISTDIR without a network" 0 '^deps: installing with pip: qrcodegen' deps
	for f in z3/include/z3.h z3/lib/libz3.so wasmtime/include/wasmtime/conf.h wasmtime/lib/libwasmtime.so venv/bin/python config.mk \
		src/libsodium-1.0.18/src/libsodium/include/sodium.h src/libqrencode-4.1.1/qrencode.h; do
		[ -e "$tree/build/deps/$f" ] || result "has $f" "it is not there"
	done
	deps >"$temp/out" 2>&1
	result "says nothing when all is there" "$(cat "$temp/out")"
	rm "$tree/build/deps/z3/lib/libz3.so"
	deps
	result "makes a part again that lost a file" "$(cmp "$tree/build/deps/z3/lib/libz3.so" build/deps/z3/lib/libz3.so 2>&1)"
	mv "$tree" "$temp/moved"
	"$temp/moved/scripts/deps.sh" >"$temp/out" 2>&1
	result "says nothing in a tree that was moved" "$(cat "$temp/out")"
	expect "Python works in a tree that was moved" 0 '^ok$' "$temp/moved/build/deps/venv/bin/python" -c 'import qrcodegen; print("ok")'
	rm -rf "$temp/moved"
}

wrong_files() {
	fresh
	distdir "$Z3"
	head -c 1000000 "$dist/$Z3" >"$DISTDIR/$Z3"
	expect "half a file is refused" 2 "^deps: $Z3 from .* has the sha256 .* not used" deps
	one_line "half a file"
	nothing "half a file" dist/$Z3 z3
	distdir "$SODIUM"
	cp "$dist/$SODIUM" "$DISTDIR/$SODIUM"
	printf x >>"$DISTDIR/$SODIUM"
	expect "a longer file is refused" 2 "^deps: $SODIUM from .* has the sha256 .* not used" deps
	nothing "a longer file" dist/$SODIUM src/libsodium-1.0.18
}

no_network() {
	fresh
	distdir "$Z3"
	expect "no wheel without a network" 2 "^deps: pip can't fetch $Z3 .*DISTDIR" deps
	one_line "no wheel"
	nothing "no wheel" dist/$Z3 z3
	distdir "$CRATE"
	expect "no crate without a network" 2 "^deps: cargo can't fetch $CRATE .*DISTDIR" deps
	nothing "no crate" dist/$CRATE wasmtime
	distdir "$SODIUM"
	expect "no source without a network" 2 "^deps: apt can't fetch $SODIUM .*DISTDIR" deps
	nothing "no source" dist/$SODIUM src/libsodium-1.0.18
	distdir 'qrcodegen-1.8.0-py3-none-any.whl'
	expect "no Python package without a network" 2 "^deps: pip can't fetch what .* names .*DISTDIR" deps
	nothing "no Python package" venv/.requirements.txt
}

# A folder with all programs but apt-get and sudo, where Debian's database has only make.
programs() {
	rm -rf "$temp/bin"
	mkdir "$temp/bin"
	ln -s /usr/bin/* /bin/* "$temp/bin" 2>/dev/null
	(cd "$temp/bin" && rm -f apt-get sudo)
	other dpkg-query 'echo "installed make"'
}
# other PROGRAM TEXT: the folder's program does that instead.
other() {
	rm -f "$temp/bin/$1"
	printf '#!/bin/sh\n%s\n' "$2" >"$temp/bin/$1"
	chmod +x "$temp/bin/$1"
}

no_debian() {
	fresh
	programs
	expect "no apt-get" 2 '^deps: no apt-get here: install .*gcc.*' env PATH="$temp/bin" "$tree/scripts/deps.sh"
	one_line "no apt-get"
	result "installed packages are not asked for" "$(grep -ow make "$temp/out")"
	other apt-get 'echo "E: should not have run"; exit 100'
	other id 'echo 1000'
	expect "not root and no sudo" 2 '^deps: not root and no sudo: install .*gcc.*' env PATH="$temp/bin" "$tree/scripts/deps.sh"
	other sudo 'exec "$@"'
	other apt-get 'echo "E: Failed to fetch the lists"; exit 100'
	expect "no lists, through sudo" 2 '^deps: apt-get update failed.*gcc.*E: Failed to fetch the lists' env PATH="$temp/bin" "$tree/scripts/deps.sh"
	other apt-get 'case "$*" in *update*) ;; *) echo "E: Unable to locate package gcc"; exit 100 ;; esac'
	expect "no such package" 2 "^deps: apt-get can't install .*gcc.*: E: Unable to locate" env PATH="$temp/bin" "$tree/scripts/deps.sh"
}

settings() {
	fresh
	distdir
	expect "no wasi-sdk at WASI_SDK_PATH" 2 '^deps: WASI_SDK_PATH=/nowhere has no' env WASI_SDK_PATH=/nowhere "$tree/scripts/deps.sh"
	expect "no release at WASMTIME_PREFIX" 2 '^deps: WASMTIME_PREFIX=/nowhere has no' env WASMTIME_PREFIX=/nowhere "$tree/scripts/deps.sh"
	expect "a release at WASMTIME_PREFIX" 0 '' env WASMTIME_PREFIX="$PWD/build/deps/wasmtime" "$tree/scripts/deps.sh"
	expect "the release is used" 0 '' grep -x "WT_CFLAGS := -isystem $PWD/build/deps/wasmtime/include" "$tree/build/deps/config.mk"
	expect "another word" 2 '^deps: usage' "$tree/scripts/deps.sh" everything
}

# npm's cache is a folder in DISTDIR; what another lock names is not in it, whatever it is called.
edge_npm() {
	fresh
	distdir
	mkdir "$tree/bench"
	cp -R bench/edge "$tree/bench"
	expect "npm's packages come from DISTDIR without a network" 0 '^deps: installing with pip: wasmtime' "$tree/scripts/deps.sh" edge-npm
	result "workerd is there" "$(cmp "$tree"/build/deps/edge-npm/node_modules/@cloudflare/workerd-linux-64/bin/workerd \
		build/deps/edge-npm/node_modules/@cloudflare/workerd-linux-64/bin/workerd 2>&1)"
	sed -i '/workerd-linux-64"/,/integrity/s/sha512-..../sha512-AAAA/' "$tree/bench/edge/package-lock.json"
	expect "a package with another content is refused" 2 "^deps: npm can't install .*DISTDIR" "$tree/scripts/deps.sh" edge-npm
	one_line "another content"
	result "what was there stays" "$([ -x "$tree/build/deps/edge-npm/node_modules/@cloudflare/workerd-linux-64/bin/workerd" ] || echo gone)"
}

# Two clones that want Viceroy at the same time: the crate and cargo are others here, for the real ones take minutes. One compiles,
# and what it compiles from is left alone by the other.
edge_twice() {
	local crate=viceroy-0.22.0 cache=$temp/cache first second
	fresh
	distdir
	programs
	mkdir "$temp/$crate"
	tar -czf "$DISTDIR/$crate.crate" -C "$temp" "$crate"
	sed -i "s/^VICEROY_SHA256=.*/VICEROY_SHA256=$(sha256sum <"$DISTDIR/$crate.crate" | cut -c1-64)/" "$tree/scripts/deps.sh"
	"$tree/scripts/deps.sh" >/dev/null 2>&1
	other dpkg-query 'exec /usr/bin/dpkg-query "$@"'
	other rustc 'echo rustc 1.99.0'
	other cargo "echo install >>$temp/cargo.log; sleep 2; [ -d $cache/source/$crate ] || exit 1; mkdir -p $cache/bin
		printf '#!/bin/sh\\necho viceroy 0.22.0\\n' >$cache/bin/viceroy; chmod +x $cache/bin/viceroy"
	cp -R "$tree" "$temp/other"
	EDGE_CACHE=$cache PATH=$temp/bin "$tree/scripts/deps.sh" edge >"$temp/out" 2>&1 &
	first=$!
	EDGE_CACHE=$cache PATH=$temp/bin "$temp/other/scripts/deps.sh" edge >"$temp/other.out" 2>&1 &
	second=$!
	wait $first || result "the first clone has Viceroy" "$(tail -n 1 "$temp/out")"
	wait $second || result "the second clone has Viceroy" "$(tail -n 1 "$temp/other.out")"
	result "two clones compile Viceroy once" "$([ "$(cat "$temp/cargo.log")" = install ] || tail -n 3 "$temp/cargo.log" "$temp/out" "$temp/other.out" | paste -sd ' ')"
	rm -rf "$temp/other"
}

whole
wrong_files
no_network
no_debian
settings
edge_npm
edge_twice
exit $failed
