# rules.mk - run and measure: the services' builds, their rows, and the tables from the rows.
#
# In:  build/services/raw/PROFILE/NAME.wasm, build/mewe, PROFILE (release or paper), INPUT (valid or paper).
# Out: build/measure/PROFILE/NAME.CONFIG.wasm, results/local/PROFILE-INPUT/NAME.*.csv, and the tables on standard output.
# Holds: a module whose bytes stay the same stays as old as it is, so that a newer mewe alone measures nothing again. Times are
#      taken one service after the other, when all else is done.

PROFILE ?= release
INPUT ?= valid
MEASURE := $(OUT)/bench/measure
MEASURE_DIR := build/measure/$(PROFILE)
TIMES_DIR := build/times
ROWS_DIR := results/local/$(PROFILE)-$(INPUT)
NODES_RUNS ?= 6400
ROUNDS ?= 200

ifeq ($(filter $(PROFILE),$(PROFILES)),)
$(error PROFILE is one of $(PROFILES), not $(PROFILE))
endif
ifeq ($(filter $(INPUT),valid paper),)
$(error INPUT is valid or paper, not $(INPUT))
endif

# The guest of `random` draws, too: its traces are those of our choices alone when its own randomness is fixed, which takes a
# discriminator that does not draw from the same source. As it is deployed, with both, is a second figure.
MEASURE_FIXED_random := --fixed
MEASURE_HASH_random := fixed.hash
MEASURE_FREE_random := --free

# ---- builds -----------------------------------------------------------------------------------------------------------

# One round of proofs gives them all: that of the service's own build.
measure_proved = build/services/$(if $(filter paper,$(PROFILE)),paper/)$1

MEASURE_PROVED_CONFIGS := call.off call.hash call.full call.fixed.hash call.host.off call.host.hash \
	request.off request.hash request.fixed.hash request.host.off request.host.hash
MEASURE_OWN_CONFIGS := original copy.off copy.hash copy.fixed.hash
measure_flags_original := --strategy none
measure_flags_copy.off := --strategy copy
measure_flags_copy.hash := --strategy copy --trace hash
measure_flags_copy.fixed.hash := --strategy copy --trace hash --discriminator fixed:0

# A .built file is as new as the attempt, the modules as their bytes.
define measure_build_rules
$(MEASURE_DIR)/$1.built: $(measure_proved).multivariant.wasm $(OUT)/bench/builds
	@mkdir -p $$(@D)
	@echo "builds $1"
	@$(OUT)/bench/builds build/services/raw/$(PROFILE)/$1.wasm $(call variants_of,$1,$(PROFILE)) $(CACHE) $$(@:.built=)
	@cmp $$(@:.built=.call.off.wasm) $$<
	@touch $$@
$(MEASURE_DIR)/$1.own.built: build/services/raw/$(PROFILE)/$1.wasm $(MEWE)
	@mkdir -p $$(@D)
	@echo "mewe $1 --strategy none, copy"
	@set -e; $(foreach c,$(MEASURE_OWN_CONFIGS),$(MEWE) build $$< -o $$@.wasm -q --variants $(VARIANTS) $(measure_flags_$c); \
		cmp -s $$@.wasm $$(@:.own.built=.$c.wasm) || mv $$@.wasm $$(@:.own.built=.$c.wasm);) rm -f $$@.wasm
	@touch $$@
$(MEASURE_PROVED_CONFIGS:%=$(MEASURE_DIR)/$1.%.wasm): $(MEASURE_DIR)/$1.built
	@test -e $$@ || { rm -f $$<; echo "$$@ is gone: run make again" >&2; exit 1; }
$(MEASURE_OWN_CONFIGS:%=$(MEASURE_DIR)/$1.%.wasm): $(MEASURE_DIR)/$1.own.built
	@test -e $$@ || { rm -f $$<; echo "$$@ is gone: run make again" >&2; exit 1; }
endef
$(foreach s,$(SERVICES),$(eval $(call measure_build_rules,$s)))

# ---- rows -------------------------------------------------------------------------------------------------------------

MEASURE_C := $(wildcard bench/*.c bench/*.h)
measure_row = $(MEASURE) $1 --service $2 --profile $(PROFILE) --input $(INPUT) --original $(MEASURE_DIR)/$2.original.wasm -o $@

# Executions depend on the modules and on how they are measured; static counts, which cost little, on the whole library.
# $(call measure_traces,NAME,CONFIG,MODULE,flags)
define measure_traces
$(ROWS_DIR)/$1.traces-$2.csv: $(MEASURE_DIR)/$1.$3.wasm $(MEASURE_DIR)/$1.original.wasm $(MEASURE_C) | $(MEASURE)
	@mkdir -p $$(@D)
	@$$(call measure_row,traces,$1) --traced $$< --config $2 $4 --count $(NODES_RUNS)
endef
measure_hash = $(or $(MEASURE_HASH_$1),hash)

define measure_rows
$(call measure_traces,$1,call,call.$(measure_hash),$(MEASURE_FIXED_$1))
$(call measure_traces,$1,request,request.$(measure_hash),$(MEASURE_FIXED_$1))
$(call measure_traces,$1,copy,copy.$(measure_hash),$(MEASURE_FIXED_$1) --build control --strategy copy)
$(if $(MEASURE_FREE_$1),$(call measure_traces,$1,call-free,call.hash,$(MEASURE_FREE_$1)))
$(ROWS_DIR)/$1.twins-call.csv $(ROWS_DIR)/$1.twins-request.csv: $(ROWS_DIR)/$1.twins-%.csv: $(MEASURE_DIR)/$1.%.host.off.wasm \
		$(MEASURE_DIR)/$1.%.host.hash.wasm $(MEASURE_DIR)/$1.original.wasm $(MEASURE_C) | $(MEASURE)
	@mkdir -p $$(@D)
	@$$(call measure_row,twins,$1) --config $$*-host --off $$< --hash $$(word 2,$$^) --count 64
$(ROWS_DIR)/$1.static-call.csv: $(MEASURE_DIR)/$1.call.off.wasm $(measure_proved).multivariant.wasm $(MEASURE_DIR)/$1.call.full.wasm \
		$(MEASURE_DIR)/$1.original.wasm $(MEASURE)
	@mkdir -p $$(@D)
	@$$(call measure_row,static,$1) --call $$< --ledger $(measure_proved).ledger.csv --full $$(word 3,$$^)
$(ROWS_DIR)/$1.static-copy.csv: $(MEASURE_DIR)/$1.copy.off.wasm $(MEASURE_DIR)/$1.original.wasm $(MEASURE)
	@mkdir -p $$(@D)
	@$$(call measure_row,static,$1) --build control --config copy --strategy copy --call $$<
$(ROWS_DIR)/$1.time.csv: $(MEASURE_DIR)/$1.call.off.wasm $(MEASURE_DIR)/$1.request.off.wasm $(MEASURE_DIR)/$1.original.wasm \
		$(MEASURE_C) | $(MEASURE) $(ROWS_COUNTED) $(MEASURE_AFTER)
	@mkdir -p $$(@D)
	@flock build/measure/time.lock $$(call measure_row,time,$1) --call $$< --request $$(word 2,$$^) --rounds $(ROUNDS) \
		$(MEASURE_FREE_$1)
endef

ROWS_COUNTED := $(foreach k,traces-call traces-request traces-copy twins-call twins-request static-call static-copy,\
	$(SERVICES:%=$(ROWS_DIR)/%.$k.csv)) $(foreach s,$(SERVICES),$(if $(MEASURE_FREE_$s),$(ROWS_DIR)/$s.traces-call-free.csv))
ROWS_TIMED := $(SERVICES:%=$(ROWS_DIR)/%.time.csv)
# What else `make all` does, which would disturb the times.
MEASURE_AFTER := $(if $(filter all,$(or $(MAKECMDGOALS),all)),services)
$(foreach s,$(SERVICES),$(eval $(call measure_rows,$s)))

.PHONY: measure tables
measure: $(ROWS_COUNTED) $(ROWS_TIMED) ## run the services and measure them: rows in results/local/PROFILE-INPUT
tables: measure ## print the tables from the rows; PROFILE=paper INPUT=paper: the paper's Tables 1 to 3
	@$(PYTHON) scripts/analyse.py --published results/paper $(ROWS_DIR)/*.csv

# ---- the search for variants ------------------------------------------------------------------------------------------

# Everything is searched for twice: with a new cache, and with what that left behind. SEARCH_DIR also gets, for each strategy alone,
# its variants and their time against the original's.
SEARCH_DIR := results/local/search-$(PROFILE)
SEARCH_MODULES = $(foreach s,$(SERVICES),$s=$(call variants_of,$s,$(PROFILE))=build/services/raw/$(PROFILE)/$s.wasm)
STRATEGIES_ALONE := $(shell tr '\050,' '  ' <mewe/strategies.h | awk '$$1 == "STRATEGY" && $$2 != "copy" {print $$2}')
SEARCH_RAW := $(SERVICES:%=build/services/raw/$(PROFILE)/%.wasm)
SEARCH_EACH := $(STRATEGIES_ALONE) all
SEARCH := $(OUT)/bench/search

# By default, and with all strategies.
space := $(subst ,, )
SEARCH_WITH_all := --strategy $(subst $(space),$(,),$(STRATEGIES_ALONE))
define search_rules
$(SEARCH_DIR)/cold$1.csv: $(SEARCH) $(SEARCH_RAW) | $(SERVICES_release)
	@mkdir -p $$(@D)
	@rm -f build/search$1.db*
	@flock build/search.lock $(SEARCH) --profile $(PROFILE) --config cold$1 $2 --cache build/search$1.db -o $$@ $$(SEARCH_MODULES)
$(SEARCH_DIR)/warm$1.csv: $(SEARCH_DIR)/cold$1.csv
	@flock build/search.lock $(SEARCH) --profile $(PROFILE) --config warm$1 $2 --cache build/search$1.db -o $$@ $$(SEARCH_MODULES)
endef
$(eval $(call search_rules,,))
$(eval $(call search_rules,-all,$(SEARCH_WITH_all)))

define ablation_rules
$(SEARCH_DIR)/each.$1.csv: $(SEARCH) $(SEARCH_RAW) | $(SEARCH_DIR)/warm.csv $(SEARCH_DIR)/warm-all.csv
	@mkdir -p build/ablation
	@flock build/search.lock $(SEARCH) --profile $(PROFILE) --config $1 $(or $(SEARCH_WITH_$1),--strategy $1) --cache build/search-all.db \
		--emit build/ablation/$1 -o $$@ $(SEARCH_MODULES)
endef
$(foreach k,$(SEARCH_EACH),$(eval $(call ablation_rules,$k)))

# The original and the multivariants of all strategies in one process, interleaved.
$(SERVICES:%=$(SEARCH_DIR)/time.%.csv): $(SEARCH_DIR)/time.%.csv: $(MEASURE_DIR)/%.original.wasm $(MEASURE) $(SEARCH_EACH:%=$(SEARCH_DIR)/each.%.csv)
	@flock build/measure/time.lock $(call measure_row,time,$*) --rounds 60 $(MEASURE_FREE_$*) \
		$(foreach k,$(SEARCH_EACH),--also $k=build/ablation/$k.$*.wasm)

.PHONY: funnel ablation
funnel: $(foreach k,cold warm cold-all warm-all,$(SEARCH_DIR)/$k.csv) ## what each stage of the search leaves and takes, with a new cache and an old one
	@$(PYTHON) scripts/search.py funnel $^
ablation: $(SEARCH_EACH:%=$(SEARCH_DIR)/each.%.csv) $(SERVICES:%=$(SEARCH_DIR)/time.%.csv) ## each strategy alone: variants, survival, time
	@$(PYTHON) scripts/search.py ablation $^

# ---- survival ---------------------------------------------------------------------------------------------------------

# Each service's multivariant module compiled by every engine that is here: rows, and in SURVIVAL_BODIES the digests of each body.
SURVIVAL_DIR := results/local/survival-$(PROFILE)
SURVIVAL_BODIES := build/survival/$(PROFILE)
SURVIVAL := $(OUT)/bench/survival

$(SERVICES:%=$(SURVIVAL_DIR)/%.csv): $(SURVIVAL_DIR)/%.csv: $(call measure_proved,%).multivariant.wasm $(SURVIVAL)
	@mkdir -p $(@D) $(SURVIVAL_BODIES)
	@echo "survival $*"
	@$(SURVIVAL) $< --ledger $(call measure_proved,$*).ledger.csv --service $* --profile $(PROFILE) -b $(SURVIVAL_BODIES)/$*.csv -o $@

.PHONY: survival
survival: $(SERVICES:%=$(SURVIVAL_DIR)/%.csv) ## which variants each engine leaves different: by engine, strategy and rule
	@$(PYTHON) scripts/survival.py $(SERVICES:%=$(SURVIVAL_BODIES)/%.csv) --rules $(SURVIVAL_BODIES)/rules.all.csv \
		--ledgers $(foreach s,$(SERVICES),$(call measure_proved,$s).ledger.csv)

# ---- one choice -------------------------------------------------------------------------------------------------------

# Times and not products: taken anew each time that they are asked for.
CHOICE_CSV := results/local/choice/choice.csv
CHOICE_JSON := build/choice.json

.PHONY: choice-cost
choice-cost: $(OUT)/bench/choice ## what one choice of 16 costs, by engine, dispatch and discriminator (BENCH_FLAGS=--benchmark_...)
	@mkdir -p $(dir $(CHOICE_CSV))
	@flock build/time.lock $< $(CHOICE_CSV) --benchmark_out=$(CHOICE_JSON) --benchmark_out_format=json $(BENCH_FLAGS)
	@$(PYTHON) scripts/bench.py choice $(CHOICE_CSV)

# ---- each step --------------------------------------------------------------------------------------------------------

# The services that `make benchmarks` takes; their JSON pairs by name in Google Benchmark's compare.py, too.
BENCH_SERVICES ?= bin2base64 encrypt
STAGES_DIR := results/local/stages
STAGES_JSON := build/benchmarks

.PHONY: benchmarks
benchmarks: $(OUT)/bench/stages $(foreach s,$(BENCH_SERVICES),build/services/$s.wasm build/services/$s.multivariant.wasm) ## each step with a module, and its multivariant: compile, instantiate, ask, read, write, verify; the pipeline (BENCH_SERVICES, BENCH_FLAGS)
	@mkdir -p $(STAGES_DIR) $(STAGES_JSON)
	@set -e; for s in $(BENCH_SERVICES); do for c in original call; do \
		flock build/time.lock $< $$s $$c build/services/$$s.wasm build/services/$$s$$([ $$c = original ] || echo .multivariant).wasm \
			$(STAGES_DIR)/$$s.$$c.csv --benchmark_out=$(STAGES_JSON)/$$s.$$c.json --benchmark_out_format=json $(BENCH_FLAGS); done; done
	@$(PYTHON) scripts/bench.py stages $(foreach s,$(BENCH_SERVICES),$(STAGES_DIR)/$s.original.csv $(STAGES_DIR)/$s.call.csv)

# ---- instructions -----------------------------------------------------------------------------------------------------

# Builds whose draws come from a seed, so that what is counted can be counted again.
CALLGRIND_DIR := results/local/callgrind
CALLGRIND_SERVICES ?= $(SERVICES)
CALLGRIND_FORMS := call request

define callgrind_build
build/callgrind/%.$1.wasm: build/services/raw/release/%.wasm $(MEWE)
	@mkdir -p $$(@D)
	@$(MEWE) build $$< -o $$@ -q --cache $(CACHE) --variants $$(call variants_of,$$*,release) --discriminator fixed:0 --dispatch $1
endef
$(foreach f,$(CALLGRIND_FORMS),$(eval $(call callgrind_build,$f)))
define callgrind_rows
$(CALLGRIND_DIR)/$1.csv: build/services/$1.wasm $(CALLGRIND_FORMS:%=build/callgrind/$1.%.wasm) $(OUT)/bench/instructions
	@mkdir -p $$(@D)
	@echo "callgrind $1"
	@$(OUT)/bench/instructions $1 $$@ original=$$< $(foreach f,$(CALLGRIND_FORMS),$f=build/callgrind/$1.$f.wasm)
endef
$(foreach s,$(SERVICES),$(eval $(call callgrind_rows,$s)))

.PHONY: callgrind
callgrind: $(CALLGRIND_SERVICES:%=$(CALLGRIND_DIR)/%.csv) ## instructions of a request, original and multivariants, counted by Valgrind (CALLGRIND_SERVICES)
	@$(PYTHON) scripts/bench.py callgrind $^

# ---- whole processes --------------------------------------------------------------------------------------------------

PROCESS_SERVICES ?= bin2base64 encrypt qr_str
PROCESSES_CSV := results/local/processes/processes.csv

.PHONY: processes
processes: $(OUT)/bench/process services ## whole processes by each runtime in bench/runtimes, original and multivariant (PROCESS_SERVICES, PROCESS_FLAGS)
	@mkdir -p $(dir $(PROCESSES_CSV))
	@flock build/time.lock $(PYTHON) scripts/processes.py $(PROCESS_SERVICES:%=--service %) $(PROCESS_FLAGS) -o $(PROCESSES_CSV)
	@$(PYTHON) scripts/bench.py processes $(PROCESSES_CSV)
