#!/bin/bash
# cache.test.sh - where the cache is, what it must not change, and what is said when it can't be used.
. tests/lib.sh
mewe=${MEWE:-build/mewe}
unset MEWE_CACHE
wat=$temp/m.wat
echo '(module (func $f (export "f") (param i32 i32) (result i32)
  (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.xor (local.get 1) (i32.const 12345)))))' >"$wat"

# build NAME ARGUMENT...: NAME.wasm, NAME.csv; the counts on NAME.txt
build() {
	local name=$1
	shift
	"$mewe" build "$wat" -o "$temp/$name.wasm" --ledger "$temp/$name.csv" -v "$@" 2>"$temp/$name.txt"
}
same() { cmp "$temp/$1.wasm" "$temp/$2.wasm" 2>&1 && cmp "$temp/$1.csv" "$temp/$2.csv" 2>&1; }
known() { sed -n 's/.*needed a proof, \([0-9]*\) of them known.*/\1/p' "$temp/$1.txt"; }

build none --cache none
build cold --cache "$temp/c.db"
build warm --cache "$temp/c.db"
result "a new cache changes nothing" "$(same none cold)"
result "nor does an old one" "$(same none warm)"
result "an old one knows the proofs" "$([ "$(known cold)" = 0 ] && [ "$(known warm)" -gt 0 ] || echo "known: $(known cold), $(known warm)")"

XDG_CACHE_HOME=$temp/xdg build xdg
result "by default it is in the user's cache folder" "$([ -f "$temp/xdg/mewe/proofs.db" ] || ls -R "$temp/xdg" 2>&1)"
HOME=$temp/home XDG_CACHE_HOME='' build home
result "or in ~/.cache" "$([ ! -d "$temp/home" ] || [ -f "$temp/home/.cache/mewe/proofs.db" ] || ls -R "$temp/home")"
mkdir "$temp/real"
HOME=$temp/real XDG_CACHE_HOME='' build real
result "which is made" "$([ -f "$temp/real/.cache/mewe/proofs.db" ] || ls -R "$temp/real")"
HOME=/nowhere XDG_CACHE_HOME='' build nowhere
result "with no home nothing is remembered, and all goes well" "$(same none nowhere)"
MEWE_CACHE=$temp/env.db build env
result "MEWE_CACHE names another" "$([ -f "$temp/env.db" ] || echo 'it is not there')"

echo 'no database, but long enough to be taken for one if nobody looked at it' >"$temp/text"
expect "a file that is no cache" 2 "text: the cache can't be used: .*--cache none$" "$mewe" build "$wat" -o "$temp/x.wasm" --cache "$temp/text"
expect "a folder that is not there" 2 "the cache can't be used" "$mewe" build "$wat" -o "$temp/x.wasm" --cache "$temp/no/c.db"
result "nothing is written then" "$([ ! -e "$temp/x.wasm" ] || echo 'a module is there')"
exit $failed
