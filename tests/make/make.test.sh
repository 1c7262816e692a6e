#!/bin/bash
# make.test.sh - does `make help` name every target there is to name, and `make dist` make the same bytes in another clone?
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh
unset MAKEFLAGS MAKELEVEL MFLAGS

make -s help >"$temp/help"
expect "help names the main job" 0 'make all ' grep 'the default' "$temp/help"
for target in $(sed -nE 's/^  make ([a-z0-9-]+) .*/\1/p' "$temp/help"); do
	make -n "$target" >"$temp/out" 2>&1
	result "make $target has a rule" "$(grep 'No rule' "$temp/out")"
done
result "the control has none" "$(make -n no-such-target 2>&1 | grep -q 'No rule' || echo "make says nothing")"

if git rev-parse -q --verify HEAD >"$temp/head" 2>&1; then
	git clone -q . "$temp/clone"
	here=$(make -s dist)
	expect "another clone makes the same tarball" 0 "^${here%% *}  " make -s -C "$temp/clone" dist
	tar -tzf "${here##* }" >"$temp/list"
	result "the tarball has what is committed, in one folder" "$(git ls-tree -r --name-only HEAD | sed "s|^|$(basename "${here##* }" .tar.gz)/|" | sort |
		diff - <(grep -v '/$' "$temp/list" | sort) | head -n 3)"
	echo more >>"$temp/clone/Makefile"
	git -C "$temp/clone" -c user.name=a -c user.email=a@b commit -qam "another"
	other=$(make -s -C "$temp/clone" dist)
	result "another commit makes another" "$([ "${other%% *}" != "${here%% *}" ] || echo "the same bytes")"
fi
exit $failed
