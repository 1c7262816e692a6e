#!/bin/bash
# run.sh - what dispatchers, wrappers and discriminators do when a host uses them: modules built by mewe, run by Node.
# Wizer, for one of the tests of snapshots, is fetched once where npm is there; without it that one is left out.
cd "$(dirname "$0")/../.." || exit 1
wizer=build/deps/wizer
if [ ! -x $wizer/node_modules/.bin/wizer-linux-x64 ] && command -v npm >/dev/null; then
	mkdir -p $wizer
	cp tests/dispatch/package.json tests/dispatch/package-lock.json $wizer
	npm ci --prefix $wizer --no-audit --no-fund >$wizer/log 2>&1 || echo "# no Wizer: $(tail -n 1 $wizer/log)"
fi
export WIZER=$wizer/node_modules/.bin/wizer-linux-x64
status=0
for part in requests seeds snapshots shapes; do
	node tests/dispatch/$part.mjs || status=1
done
exit $status
