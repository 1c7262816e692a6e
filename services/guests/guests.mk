# guests.mk - two ordinary Fastly projects of other languages, made multivariant by the post_build line of their fastly.toml.
#
# In:  services/guests/NAME/, Go or npm with their lock files, build/mewe.
# Out: build/guests/NAME/bin/main.wasm as the project's own commands leave it; original.wasm and traced.wasm beside it.
# They take minutes and toolchains that the rest does not need, so plain `make` and `make check` do not build them.

GUESTS := go js

build/guests/%/traced.wasm: services/guests/build.py services/guests/%/fastly.toml | $(MEWE)
	@python3 services/guests/build.py services/guests/$* build/guests/$* $(MEWE)
build/guests/go/traced.wasm: $(wildcard services/guests/go/*)
build/guests/js/traced.wasm: $(wildcard services/guests/js/*.json services/guests/js/src/*)

.PHONY: guests
guests: $(GUESTS:%=build/guests/%/traced.wasm) ## two Fastly projects, Go and JavaScript, made multivariant and compared with what they were
	@GUEST_REQUESTS=1000 tests/run.sh edge/guests
