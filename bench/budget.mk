# budget.mk - planned placements: what a budget buys. One named configuration for all services, asked-for overheads, the frontier.
#
# In:  build/services/raw/release/NAME.wasm, build/mewe. Out: plans and modules in build/budget, rows in results/local/budget, tables.
# Holds: a plan is made by measuring, on this machine; it is kept, and alone decides the module. Nothing else runs meanwhile.

BUDGET_DIR := build/budget
BUDGET_ROWS := results/local/budget
BUDGET_BITS ?= 20
BUDGET_OVERHEADS ?= 5 20
BUDGET_SEARCH := --strategy rewrite,reorder,synth,constinfer,memory
BUDGET_PROFILE := --profile serve,0
# The plan of a service's `budget` in a profile: the flag PLAN of a configuration stands for it.
budget_plan_of = $(BUDGET_DIR)/$(if $(filter paper,$1),paper/)$2.budget.plan
BUDGET_NAMES := budget $(BUDGET_OVERHEADS:%=overhead-%)
budget_wish = $(if $(filter budget,$1),--entropy $(BUDGET_BITS),--overhead $(1:overhead-%=%)%)

# $(call budget_plan,NAME,CONFIG): exit 4, the wish can't be met, leaves the nearest; the tables say by how much it is missed.
define budget_plan
$(BUDGET_DIR)/$1.$2.plan: build/services/raw/release/$1.wasm | $(MEWE) $(SERVICES_release)
	@mkdir -p $$(@D) build/measure
	@echo "mewe $1 $(call budget_wish,$2)"
	@flock build/measure/time.lock $(MEWE) build $$< -o $$(@:.plan=.wasm) $(BUDGET_SEARCH) $(BUDGET_PROFILE) $(call budget_wish,$2) \
		--plan $$@ || test $$$$? = 4
$(BUDGET_DIR)/$1.$2.wasm: $(BUDGET_DIR)/$1.$2.plan $(MEWE)
	@$(MEWE) build build/services/raw/release/$1.wasm -o $$@ -q $(BUDGET_SEARCH) --plan $$< --ledger $$(@:.wasm=.ledger.csv)
$(BUDGET_DIR)/$1.$2.hash.wasm: $(BUDGET_DIR)/$1.$2.plan $(MEWE)
	@$(MEWE) build build/services/raw/release/$1.wasm -o $$@ -q $(BUDGET_SEARCH) --plan $$< --trace hash \
		$(if $(MEASURE_FIXED_$1),--discriminator fixed:0)
$(BUDGET_DIR)/$1.$2.verified: $(BUDGET_DIR)/$1.$2.wasm
	@$(MEWE) verify build/services/$1.wasm $$< --json >$$@.tmp && mv $$@.tmp $$@
$(BUDGET_ROWS)/$1.$2.traces.csv: $(BUDGET_DIR)/$1.$2.hash.wasm $(TIMES_DIR)/release/$1.original.wasm | $(MEASURE)
	@mkdir -p $$(@D)
	@$(MEASURE) traces --service $1 --profile release --original $$(word 2,$$^) --traced $$< --config $2 $(MEASURE_FIXED_$1) \
		--count 6400 -o $$@
$(BUDGET_ROWS)/$1.$2.static.csv: $(BUDGET_DIR)/$1.$2.wasm $(TIMES_DIR)/release/$1.original.wasm | $(MEASURE)
	@mkdir -p $$(@D)
	@$(MEASURE) static --service $1 --profile release --original $$(word 2,$$^) --call $$< --config $2 -o $$@
endef
$(foreach s,$(SERVICES),$(foreach c,$(BUDGET_NAMES),$(eval $(call budget_plan,$s,$c))))

define budget_times
$(BUDGET_ROWS)/$1.times.csv: $(BUDGET_NAMES:%=$(BUDGET_DIR)/$1.%.wasm) $(TIMES_DIR)/release/$1.original.wasm | $(MEASURE)
	@mkdir -p $$(@D)
	@echo "times $1: $(BUDGET_NAMES)"
	@flock build/measure/time.lock $(MEASURE) rq4 --service $1 --profile release --input valid $(MEASURE_FREE_$1) \
		--original $(TIMES_DIR)/release/$1.original.wasm \
		$(foreach c,$(BUDGET_NAMES),--also $c=$(BUDGET_DIR)/$1.$c.wasm) --count $$(BENCH_COUNT) --rounds $$(BENCH_ROUNDS) -o $$@
endef
$(foreach s,$(SERVICES),$(eval $(call budget_times,$s)))

# The same configuration among others (times.mk), in either profile.
$(SERVICES:%=$(BUDGET_DIR)/paper/%.budget.plan): $(BUDGET_DIR)/paper/%.budget.plan: build/services/raw/paper/%.wasm | $(MEWE)
	@mkdir -p $(@D) build/measure
	@echo "mewe paper/$* $(call budget_wish,budget)"
	@flock build/measure/time.lock $(MEWE) build $< -o $(@:.plan=.wasm) $(BUDGET_SEARCH) $(BUDGET_PROFILE) $(call budget_wish,budget) \
		--plan $@ || test $$? = 4

BUDGET_FILES := $(foreach k,budget.traces budget.static times,$(SERVICES:%=$(BUDGET_ROWS)/%.$k.csv))
.PHONY: budget frontier
budget: $(BUDGET_FILES) $(SERVICES:%=$(BUDGET_DIR)/%.budget.verified) ## 20 bits of choice in a request at the least cost; and 5%, 20%
	@$(PYTHON) scripts/budget.py table --bits $(BUDGET_BITS) --verified $(BUDGET_DIR) $(BUDGET_FILES)

# ---- the frontier ------------------------------------------------------------------------------------------------------

# One plan for the most bits passes by all the others.
FRONTIER_BITS := 4 8 12 16 20 32 64
FRONTIER_DISPATCH := call request site
define frontier_rules
$(BUDGET_ROWS)/$1.frontier-$2.csv: build/services/raw/release/$1.wasm | $(MEWE) $(SERVICES_release)
	@mkdir -p $$(@D) $(BUDGET_DIR) build/measure
	@echo "mewe $1 --entropy $(lastword $(FRONTIER_BITS)) --dispatch $2"
	@flock build/measure/time.lock $(MEWE) build $$< -o $(BUDGET_DIR)/$1.frontier-$2.wasm $(BUDGET_SEARCH) $(BUDGET_PROFILE) --dispatch $2 \
		--entropy $(lastword $(FRONTIER_BITS)) --frontier $$@ || test $$$$? = 4
endef
$(foreach s,$(SERVICES),$(foreach d,$(FRONTIER_DISPATCH),$(eval $(call frontier_rules,$s,$d))))
FRONTIER_FILES := $(foreach s,$(SERVICES),$(FRONTIER_DISPATCH:%=$(BUDGET_ROWS)/$s.frontier-%.csv))
frontier: $(FRONTIER_FILES) ## time and size for 4 to 64 bits of choice, at call, request and site: table and plot
	@$(PYTHON) scripts/budget.py frontier --bits $(subst $(space),$(,),$(FRONTIER_BITS)) --figure results/local/frontier.png $^
