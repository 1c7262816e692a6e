# edge.mk - simulated edge nodes: the paper's Table 3 and Figure 3 (make edge), load (make edge-load), Table 4's edge (make edge-times).
#
# In:  build/edge/[wasi/][paper/]NAME.CONFIG.wasm, and .traced.wasm (services/edge.mk); bench/edge/EDGE_RUNTIME, a driver; PROFILE.
# Out: build/edge/EDGE_RUNTIME/[paper/]NAME.CONFIG.wasm, the traced modules with the classes of that engine; rows, tables and
#      figure in results/local/edge-PROFILE (of another runtime than viceroy, edge-PROFILE-RUNTIME).
# Holds: traces and tallies that are there are not made again; times are taken anew each time, with nothing else running here.

EDGE_RUNTIME ?= viceroy
NODES ?= 64
REQUESTS ?= 100
# How many nodes run at the same time; without it, what fits the machine.
EDGE_NODES_AT_ONCE ?=
EDGE_SERVICES ?= $(SERVICES)
LOAD_SECONDS ?= 30
EDGE_TIMES ?= 1000

EDGE_DRIVER := bench/edge/$(EDGE_RUNTIME)
# Wasmtime serves the services as WASI commands, all others as Fastly's.
EDGE_FROM := build/edge$(if $(filter wasmtime,$(EDGE_RUNTIME)),/wasi)$(if $(filter paper,$(PROFILE)),/paper)
EDGE_DEPLOYED := build/edge/$(EDGE_RUNTIME)$(if $(filter paper,$(PROFILE)),/paper)
EDGE_ROWS := results/local/edge-$(PROFILE)$(if $(filter-out viceroy,$(EDGE_RUNTIME)),-$(EDGE_RUNTIME))
EDGE_CLASSES := $(OUT)/bench/classes

# $(call edge_each,PREFIX,SUFFIX): that of every service in every configuration.
edge_each = $(foreach s,$(EDGE_SERVICES),$(foreach c,$(EDGE_CONFIGS),$1/$s.$c$2))
edge_asked = --driver $(EDGE_DRIVER) --profile $(PROFILE) $(EDGE_SERVICES:%=--service %) $(EDGE_CONFIGS:%=--config %)

# Another version of the runtime makes other code: this file is new when it is.
$(EDGE_DEPLOYED)/version: always
	@mkdir -p $(@D)
	@$(EDGE_DRIVER) version >$@.new || { cat $@.new >&2; exit 2; }
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

define edge_deploy
$(EDGE_DEPLOYED)/$1.$2.wasm: $(EDGE_FROM)/$1.$2.wasm $(EDGE_FROM)/$1.$2.traced.wasm $(EDGE_DEPLOYED)/version scripts/edge_classes.py $(EDGE_CLASSES)
	@$(PYTHON) scripts/edge_classes.py --driver $(EDGE_DRIVER) --classes $(EDGE_CLASSES) --profile $(PROFILE) --service $1 --config $2 \
		$(EDGE_FROM)/$1.$2.wasm $(EDGE_FROM)/$1.$2.traced.wasm $$@
endef
$(foreach s,$(EDGE_SERVICES),$(foreach c,$(EDGE_CONFIGS),$(eval $(call edge_deploy,$s,$c))))

.PHONY: edge-deps edge-rows edge edge-load edge-times
edge-deps: ## install Viceroy, once for all clones, into EDGE_CACHE (12 minutes; needs Rust)
	@echo "viceroy $$(bench/edge/viceroy version)"
edge-rows: $(call edge_each,$(EDGE_DEPLOYED),.wasm)
	@mkdir -p build/edge
	@flock build/edge/lock $(PYTHON) scripts/edge.py $(edge_asked) --nodes $(NODES) --requests $(REQUESTS) \
		$(EDGE_NODES_AT_ONCE:%=--at-once %) --module '$(EDGE_DEPLOYED)/{service}.{config}.wasm' --out $(EDGE_ROWS)
edge: edge-rows ## each service at 64 simulated edge nodes: diversity of traces by node (NODES, REQUESTS, EDGE_NODES_AT_ONCE, EDGE_RUNTIME)
	@$(PYTHON) scripts/edge_tables.py --published results/paper --figure $(EDGE_ROWS)/figure3.png \
		$(call edge_each,$(EDGE_ROWS),.csv.gz) $(call edge_each,$(EDGE_DEPLOYED),.classes.csv) | tee $(EDGE_ROWS)/tables.new; \
		code=$${PIPESTATUS[0]}; mv $(EDGE_ROWS)/tables.new $(EDGE_ROWS)/tables.txt; exit $$code
edge-load: $(call edge_each,$(EDGE_FROM),.wasm) ## throughput and latency under load, original against multivariant, in turn (LOAD_SECONDS)
	@flock build/edge/lock $(PYTHON) scripts/edge_load.py $(edge_asked) --seconds $(LOAD_SECONDS) \
		--module '$(EDGE_FROM)/{service}.{config}.wasm' -o $(EDGE_ROWS)/load.csv
	@$(PYTHON) scripts/edge_costs.py load $(EDGE_ROWS)/load.csv
edge-times: $(call edge_each,$(EDGE_FROM),.wasm) ## time in the guest at two nodes, original against multivariant, in turn: Table 4 (EDGE_TIMES)
	@flock build/edge/lock $(PYTHON) scripts/edge_times.py $(edge_asked) --count $(EDGE_TIMES) \
		--module '$(EDGE_FROM)/{service}.{config}.wasm' -o $(EDGE_ROWS)/times.csv.gz
	@$(PYTHON) scripts/edge_costs.py times --published results/paper $(EDGE_ROWS)/times.csv.gz
