# times.mk - times by configuration: the paper's Table 4, Figures 4 and 5, and what shows that they can be trusted.
#
# In:  build/services/raw/PROFILE/NAME.wasm, build/mewe; BENCH_CONFIGS, one configuration a line, not indented: its name, =, flags
#      for `mewe build`.
# Out: build/times/PROFILE/NAME.CONFIG.wasm; rows in results/local/times-PROFILE-INPUT (all) and results/local/bench (the short run).
# Holds: profile release is asked the input valid, profile paper the input paper. A module whose bytes stay the same stays as old as
#      it is, and a file of rows is there whole or not at all, so that a run that was stopped goes on with the next service.

ifndef BENCH_CONFIGS
# naive is the authors' way: every function dispatched at each call, one ChaCha generator an instance called for each choice. budget is
# the named placement of budget.mk: PLAN stands for the service's plan.
define BENCH_CONFIGS
naive=--all --dispatch call --discriminator chacha
request=--dispatch request
budget=PLAN
endef
endif
TIMES_COUNT ?= 100000
TIMES_ROUNDS ?= 1000
BENCH_COUNT ?= 5000
BENCH_ROUNDS ?= 250

define newline


endef
# A configuration as one word, its spaces as bars.
TIMES_CONFIGS := $(strip $(subst $(newline), ,$(subst $(space),|,$(BENCH_CONFIGS))))
times_name = $(firstword $(subst =, ,$1))
times_flags = $(subst |, ,$(patsubst $(call times_name,$1)=%,%,$1))
TIMES_NAMES := $(foreach c,$(TIMES_CONFIGS),$(call times_name,$c))
TIMES_INPUT_release := valid
TIMES_INPUT_paper := paper
times_rows_dir = results/local/times-$1-$(TIMES_INPUT_$1)

# ---- builds -----------------------------------------------------------------------------------------------------------

# Other flags make other modules: this file is new when they are.
define times_config
$(TIMES_DIR)/$(call times_name,$1).flags: always
	@mkdir -p $$(@D)
	@echo '$(call times_flags,$1)' | cmp -s - $$@ || echo '$(call times_flags,$1)' >$$@
endef
$(foreach c,$(TIMES_CONFIGS),$(eval $(call times_config,$c)))
$(TIMES_DIR)/original.flags:
	@mkdir -p $(@D)
	@echo --strategy none >$@

# A configuration's flags for a service, and the plan that they need.
times_of = $(subst PLAN,$(BUDGET_SEARCH) --plan $(call budget_plan_of,$1,$2),$3)
times_plan = $(if $(findstring PLAN,$3),$(call budget_plan_of,$1,$2))

# $(call times_build,PROFILE,NAME,CONFIG,FLAGS): a .built file is as new as the attempt, the module as its bytes. One at a time: a
# build has workers of its own, and the largest with --dispatch site take gigabytes.
define times_build
$(TIMES_DIR)/$1/$2.$3.built: build/services/raw/$1/$2.wasm $(MEWE) $(TIMES_DIR)/$3.flags $(call times_plan,$1,$2,$4)
	@mkdir -p $$(@D)
	@echo "mewe $(TIMES_DIR)/$1/$2.$3.wasm"
	@flock $(TIMES_DIR)/lock $(MEWE) build $$< -o $$@.wasm -q --cache $(CACHE) --variants $(call variants_of,$2,$1) $(call times_of,$1,$2,$4)
	@if cmp -s $$@.wasm $$(@:.built=.wasm); then rm $$@.wasm; else mv $$@.wasm $$(@:.built=.wasm); fi
	@touch $$@
$(TIMES_DIR)/$1/$2.$3.wasm: $(TIMES_DIR)/$1/$2.$3.built
	@test -e $$@ || { rm -f $$<; echo "$$@ is gone: run make again" >&2; exit 1; }
endef
times_modules = $(foreach c,original $(TIMES_NAMES),$(TIMES_DIR)/$1/$2.$c.wasm)

# ---- rows -------------------------------------------------------------------------------------------------------------

# $(call times_measure,PROFILE,NAME,COUNT,ROUNDS): what follows measures into $@.
times_measure = flock build/measure/time.lock $(MEASURE) rq4 --service $2 --profile $1 --input $(TIMES_INPUT_$1) $(MEASURE_FREE_$2) \
	--original $(TIMES_DIR)/$1/$2.original.wasm $(foreach c,$(TIMES_NAMES),--also $c=$(TIMES_DIR)/$1/$2.$c.wasm) \
	--count $3 --rounds $4 -o $@

# $(call times_rows,FILE,PROFILE,NAME,COUNT,ROUNDS): nothing is measured while anything is built.
define times_rows
$1: $(call times_modules,$2,$3) $(MEASURE_C) | $(MEASURE) $(foreach s,$(SERVICES),$(call times_modules,$2,$s))
	@mkdir -p $$(@D) build/measure
	@echo "times $1: $4 executions"
	@$$(call times_measure,$2,$3,$4,$5)
endef
define times_rules
$(call times_build,$1,$2,original,--strategy none)
$(foreach c,$(TIMES_CONFIGS),$(newline)$(call times_build,$1,$2,$(call times_name,$c),$(call times_flags,$c)))
$(call times_rows,$(times_rows_dir)/$2.csv,$1,$2,$(TIMES_COUNT),$(TIMES_ROUNDS))
endef
$(foreach p,$(PROFILES),$(foreach s,$(SERVICES),$(eval $(call times_rules,$p,$s))))
$(foreach s,$(SERVICES),$(eval $(call times_rows,results/local/bench/$s.csv,release,$s,$(BENCH_COUNT),$(BENCH_ROUNDS))))

TIMES_ROWS := $(foreach p,$(PROFILES),$(SERVICES:%=$(call times_rows_dir,$p)/%.csv))
BENCH_ROWS := $(SERVICES:%=results/local/bench/%.csv)
.PHONY: times-rows bench-rows times bench-tables
times-rows: $(TIMES_ROWS)
bench-rows: $(BENCH_ROWS)
times: $(TIMES_ROWS)
	@$(PYTHON) scripts/rq4.py --published results/paper --figure results/local/figure4-%p.png $^
bench-tables: $(BENCH_ROWS)
	@$(PYTHON) scripts/rq4.py --published results/paper --figure results/local/bench/figure4-%p.png $^

# A few executions of each, to know how long many take.
define estimate_rules
$(TIMES_DIR)/estimate/$1/$2.csv: $(call times_modules,$1,$2) | $(MEASURE)
	@mkdir -p $$(@D) build/measure
	@$$(call times_measure,$1,$2,20,4) --places 1
endef
$(foreach p,$(PROFILES),$(foreach s,$(SERVICES),$(eval $(call estimate_rules,$p,$s))))
estimate_rows = $(SERVICES:%=$(TIMES_DIR)/estimate/$1/%.csv)
estimate_full = $(PYTHON) scripts/estimate.py --count $(TIMES_COUNT) --rounds $(TIMES_ROUNDS) $(foreach p,$1,$(call estimate_rows,$p))

.PHONY: bench-estimate reproduce-estimate
bench-estimate: $(call estimate_rows,release) ## how long will the times of `make bench` take, and those of `make reproduce`?
	@$(PYTHON) scripts/estimate.py --count $(BENCH_COUNT) --rounds $(BENCH_ROUNDS) $(call estimate_rows,release)
	@$(call estimate_full,release)
reproduce-estimate: $(foreach p,$(PROFILES),$(call estimate_rows,$p))
	@$(call estimate_full,$(PROFILES))

# ---- Figure 5: one dispatcher, each variant forced ------------------------------------------------------------------------

# 42 bodies: 41 variants, as the paper has. The slowed copy is slower by so many turns of an empty loop: about 3%.
FIG5_VARIANTS := 42
FIG5_ROUNDS ?= 200
FIG5_TURNS ?= 8
FIG5_SLOWED := 7
FIG5_FLAGS := --functions sodium_bin2base64 --variants $(FIG5_VARIANTS) --dispatch call --discriminator host
PLANT := $(OUT)/bench/plant

define figure5_rules
$(TIMES_DIR)/$1/figure5.real.wasm: build/services/raw/$1/bin2base64.wasm $(MEWE)
	@mkdir -p $$(@D)
	@echo "mewe $$@"
	@$(MEWE) build $$< -o $$@ -q --cache $(CACHE) $(FIG5_FLAGS)
$(TIMES_DIR)/$1/figure5.copy.wasm: build/services/raw/$1/bin2base64.wasm $(MEWE)
	@mkdir -p $$(@D)
	@echo "mewe $$@"
	@$(MEWE) build $$< -o $$@ -q $(FIG5_FLAGS) --strategy copy
$(TIMES_DIR)/$1/figure5.planted.wasm: $(TIMES_DIR)/$1/figure5.copy.wasm $(PLANT)
	@$(PLANT) $$< sodium_bin2base64.mewe.$(FIG5_SLOWED) $(FIG5_TURNS) $$@
results/local/bodies-$1/bin2base64.csv: $(foreach m,real copy planted,$(TIMES_DIR)/$1/figure5.$m.wasm) \
		$(TIMES_DIR)/$1/bin2base64.original.wasm $(MEASURE_C) | $(MEASURE)
	@mkdir -p $$(@D) build/measure
	@echo "times $$@: each variant forced, $(FIG5_ROUNDS) rounds"
	@flock build/measure/time.lock $(MEASURE) bodies --service bin2base64 --profile $1 --original $(TIMES_DIR)/$1/bin2base64.original.wasm \
		$(foreach m,real copy planted,--also $m=$(TIMES_DIR)/$1/figure5.$m.wasm) --rounds $(FIG5_ROUNDS) -o $$@
endef
$(foreach p,$(PROFILES),$(eval $(call figure5_rules,$p)))

FIG5_PROFILE ?= release
.PHONY: figure5
figure5: results/local/bodies-$(FIG5_PROFILE)/bin2base64.csv ## can variants be told apart by their time? The paper's Figure 5
	@$(PYTHON) scripts/figure5.py $< --figure results/local/figure5-%p.png

# ---- the harness itself ------------------------------------------------------------------------------------------------

# Repeats are kept, so that a check that was stopped goes on; other modules or another program begin anew.
HARNESS_SERVICES ?= encrypt bin2base64
HARNESS_REPEATS ?= 100
$(TIMES_DIR)/noop.wasm: bench/noop.wat $(MEWE)
	@mkdir -p $(@D)
	@$(MEWE) build $< -o $@ -q --strategy none

.PHONY: harness-check $(HARNESS_SERVICES:%=harness-check-%)
harness-check: $(HARNESS_SERVICES:%=harness-check-%) ## plant a slowdown of 2%, and none: how often is the harness wrong, in 100 repeats?
$(HARNESS_SERVICES:%=harness-check-%): harness-check-%: $(TIMES_DIR)/release/%.original.wasm $(TIMES_DIR)/noop.wasm $(MEASURE) $(PLANT)
	@mkdir -p build/measure
	@work=build/harness/$*-$$(cat $^ scripts/harness.py | sha256sum | cut -c1-16) && \
		flock build/measure/time.lock $(PYTHON) scripts/harness.py \
		--measure $(MEASURE) --plant $(PLANT) --original $< --noop $(TIMES_DIR)/noop.wasm --service $* --repeats $(HARNESS_REPEATS) --work $$work

# ---- campaigns -----------------------------------------------------------------------------------------------------------

export BENCH_CONFIGS TIMES_COUNT TIMES_ROUNDS BENCH_COUNT BENCH_ROUNDS FIG5_ROUNDS FIG5_TURNS
.PHONY: bench reproduce reference
bench: ## times of the configurations BENCH_CONFIGS and Figure 5, with few executions; says first how long it takes
	@scripts/campaign.sh bench
reproduce: ## all tables and figures, both profiles, 100,000 executions; a run that was stopped goes on where it was
	@scripts/campaign.sh reproduce
reference: ## keep the rows, tables and figures of a full run in results/reference, with what machine it was
	@scripts/campaign.sh reference
