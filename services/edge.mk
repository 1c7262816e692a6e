# edge.mk - the seven services as programs on Fastly Compute, each as the original and multivariant, untraced and traced.
#
# In:  services/*.c, services/host/fastly.c, the libraries as services/rules.mk builds them, build/mewe, PROFILES.
# Out: build/edge/raw/PROFILE/NAME.wasm              as compiled: imports fastly_*, wasi_snapshot_preview1, and mewe
#      build/edge/[paper/]NAME.CONFIG.wasm           CONFIG: original, call, request (what is chosen when)
#      build/edge/[paper/]NAME.CONFIG.traced.wasm    the same with --trace hash
#      build/edge/[paper/]NAME.CONFIG.full.wasm      with --trace full; made only when asked for
#      build/edge/wasi/[paper/]...                   the same of the WASI commands, for where those are served; only when asked for
# Holds: all of a service's modules come from one raw module. The build resolves what it imports from `mewe`, so that they differ
#        by nothing but what was asked of the build. The original traced is the original with its functions counted: no choices.

EDGE_CONFIGS := original call request
EDGE_FLAGS_original := --strategy none
EDGE_FLAGS_call := --dispatch call
EDGE_FLAGS_request := --dispatch request
EDGE_FLAGS_traced := --trace hash
EDGE_FLAGS_full := --trace full

# $(call edge_folder,PROFILE)
edge_folder = build/edge/$(if $(filter paper,$1),paper/)
# $(call edge_modules,PROFILE,SUFFIX)
edge_modules = $(foreach c,$(EDGE_CONFIGS),$(SERVICES:%=$(call edge_folder,$1)%.$c$2.wasm))
EDGE_RAW := $(foreach p,$(PROFILES),$(SERVICES:%=build/edge/raw/$p/%.wasm))

.PHONY: edge-raw edge-modules edge-modules-paper
edge-raw: $(EDGE_RAW)
edge-modules: $(call edge_modules,release) $(call edge_modules,release,.traced) ## the services for Fastly Compute, build/edge/NAME.CONFIG.wasm and .traced.wasm
edge-modules-paper: $(call edge_modules,paper) $(call edge_modules,paper,.traced)

$(eval $(call host_rule,build/edge/fastly,fastly))
$(foreach p,$(PROFILES),$(foreach s,$(SERVICES),$(eval $(call service_rules,$s,$p,build/edge/raw,build/edge/fastly))))

# $(call edge_rule,PROFILE,CONFIG,TRACE,FROM,TO,TARGET): modules in FROM to modules in TO; TRACE is traced, full, or empty.
define edge_rule
$(SERVICES:%=$5%.$2$(3:%=.%).wasm): $5%.$2$(3:%=.%).wasm: $4/$1/%.wasm build/mewe
	@mkdir -p $$(@D)
	@echo "mewe $$@"
	$$(Q)build/mewe build $$< -o $$@ -q --cache $(CACHE) --variants $$(call variants_of,$$*,$1) --target $6 $(EDGE_FLAGS_$2) $(EDGE_FLAGS_$3)
endef
wasi_folder = build/edge/wasi/$(if $(filter paper,$1),paper/)
$(foreach p,$(PROFILES),$(foreach c,$(EDGE_CONFIGS),$(foreach t,untraced traced full,\
	$(eval $(call edge_rule,$p,$c,$(t:untraced=),build/edge/raw,$(call edge_folder,$p),fastly)) \
	$(eval $(call edge_rule,$p,$c,$(t:untraced=),build/services/raw,$(call wasi_folder,$p),wasi)))))

# What tests/edge reads.
tests-built: edge-raw edge-modules build/edge/bin2base64.call.full.wasm

.PHONY: edge-malformed
edge-malformed: edge-modules build/edge/bin2base64.call.full.wasm services-native ## send each service on Viceroy COUNT (10000) malformed and odd requests
	@COUNT=$(or $(COUNT),10000) build/deps/venv/bin/python tests/edge/malformed_test.py
