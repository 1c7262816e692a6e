# rules.mk - what the tests need built: each service with a replayable and with a host-driven discriminator, the control,
# and the program under the sanitizers.
#
# Out: build/check/services/NAME.{fixed,host,copy}.wasm; build/san/mewe.

CHECKED := build/check/services
CHECKED_BUILDS := $(foreach s,$(SERVICES),$(CHECKED)/$s.fixed.wasm $(CHECKED)/$s.host.wasm $(CHECKED)/$s.copy.wasm)
FLAGS_fixed := --discriminator fixed:0
FLAGS_host := --discriminator host
FLAGS_copy := --strategy copy --variants 4 --trace full

define checked_rule
$(CHECKED)/%.$1.wasm: build/services/raw/release/%.wasm build/mewe
	@mkdir -p $$(@D)
	@echo "mewe $$@"
	$$(Q)build/mewe build $$< -o $$@ -q --cache $(CACHE) --variants $$(call variants_of,$$*,release) $$(FLAGS_$1)
endef
$(foreach k,fixed host copy,$(eval $(call checked_rule,$k)))

.PHONY: tests-built
tests-built: services services-raw services-fuzz $(CHECKED_BUILDS)
	@$(if $(SAN),,$(MAKE) SAN=1 build/san/mewe)
