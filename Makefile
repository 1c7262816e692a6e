# Makefile - everything is made from here, without recursion.
#
#   make         install what is needed, build mewe and the seven services, make them multivariant, run and measure them
#   make check   the tests
#   make help    all targets
#
# In:  a source file is built because it is there: mewe/*.c and mewe/strategy/*.c are the library (main.c and cli_*.c the program),
#      mewe/discriminator/*.wat texts inside it, tests/unit/*.c and bench/*.c one program each (bench/lib*.c shared by all).
# Out: everything under build/, or under build/san/ with SAN=1. What services, measurements and tests need more is in their rules.mk.

.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
.SUFFIXES:
SHELL := /bin/bash
, := ,
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc) --no-print-directory
endif

# ---- what is needed: installed first, so that its paths are known to all that follows ----------------------------------

NO_DEPS := help clean distclean dist fastly-dry-run
# $(call for,DEPS,TARGETS): what these targets need more.
for = $(if $(filter $2,$(MAKECMDGOALS)),$1)
DEPS := $(call for,test,check deps) $(call for,callgrind,callgrind) $(call for,processes,processes) $(call for,load,edge-load) \
	$(call for,edge,edge-deps edge-malformed guests) \
	$(call for,$(if $(filter-out viceroy,$(EDGE_RUNTIME)),edge-npm,edge),edge edge-rows edge-load edge-times)
ifneq ($(filter-out $(NO_DEPS),$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell scripts/deps.sh $(DEPS) >&2 || echo failed),)
$(error something that is needed is missing: see above)
endif
include build/deps/config.mk
endif

# ---- mewe -------------------------------------------------------------------------------------------------------------

OUT := build$(if $(SAN),/san)
OPT := $(if $(SAN),-O1 -g -fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer,-O2 -g)
ALL_CFLAGS = -std=gnu11 -Wall -Wextra $(if $(CI),-Werror) $(OPT) -fvisibility=hidden $(Z3_CFLAGS) $(WT_CFLAGS) $(CFLAGS)
LIBS = $(Z3_LIBS) $(WT_LIBS) -lbinaryen -lZydis -ljansson -lsqlite3 -lsodium -lm -lpthread $(RPATHS)
COMPILE = @mkdir -p $(@D); $(if $(V),set -x;) $(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
LINK = @mkdir -p $(@D); $(if $(V),set -x;) $(CC) $(OPT) $(LDFLAGS) $(filter %.o %.a,$^) $(LIBS) -o $@

CLI_C := mewe/main.c $(wildcard mewe/cli_*.c)
LIB_C := $(filter-out $(CLI_C),$(wildcard mewe/*.c mewe/strategy/*.c))
LIB_O := $(LIB_C:%.c=$(OUT)/obj/%.o) $(OUT)/obj/build/gen/discriminators.o $(OUT)/obj/build/gen/sources.o
LIB := $(OUT)/libmewe.a
MEWE := $(OUT)/mewe

$(OUT)/obj/%.o: %.c build/deps/config.mk $(OUT)/flags
	@echo "cc $<"
	$(COMPILE)

# Other flags make other objects: this file is new when they are.
$(OUT)/flags: always
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS)' >$@
.PHONY: always

# The discriminators' texts, as strings.
build/gen/discriminators.c: scripts/embed.py $(wildcard mewe/discriminator/*.wat)
	@mkdir -p $(@D)
	@python3 scripts/embed.py $(filter %.wat,$^) >$@

# The cache's keys hold what decides proofs and digests of machine code: this program's part of it, and the libraries'.
DECIDES := $(wildcard mewe/equiv* mewe/path.h mewe/lower* mewe/term.c mewe/smt* mewe/obligation.c mewe/tree.c mewe/walk.c mewe/read.c \
	mewe/scan.c mewe/retype.c mewe/stub.c mewe/survive.c mewe/code* mewe/elf.c mewe/engine*)
build/gen/sources.c: $(DECIDES) build/deps/config.mk
	@mkdir -p $(@D)
	@cat $^ $$($(CC) -print-file-name=libbinaryen.so) | sha256sum | sed 's/ .*//; s/.*/extern const char obligation_sources[];\nconst char obligation_sources[] = "&";/' >$@

$(LIB): $(LIB_O)
	@rm -f $@
	@$(AR) rcsD $@ $^
$(MEWE): $(CLI_C:%.c=$(OUT)/obj/%.o) $(LIB)
	@echo "ld $@"
	$(LINK)

# ---- benches and unit tests: one program for each file ----------------------------------------------------------------

BENCH_LIB_C := $(wildcard bench/lib*.c)
BENCH_C := $(filter-out $(BENCH_LIB_C),$(wildcard bench/*.c))
BENCH := $(BENCH_C:%.c=$(OUT)/%)
UNIT_C := $(wildcard tests/unit/*.c)
UNIT := $(UNIT_C:tests/unit/%.c=$(OUT)/tests/%)

$(BENCH): LIBS += -lbrotlienc -lz
# Those that are written for Google Benchmark, by way of bench.h.
GBENCH := $(patsubst bench/%.c,$(OUT)/bench/%,$(shell grep -l '"bench.h"' $(BENCH_C)))
$(GBENCH): LIBS += -lbenchmark -lstdc++
$(GBENCH): $(OUT)/obj/bench/gbench.o
$(OUT)/obj/bench/gbench.o: bench/gbench.cc bench/bench.h build/deps/config.mk $(OUT)/flags
	@echo "c++ $<"
	@mkdir -p $(@D); $(if $(V),set -x;) $(CXX) -std=gnu++17 -Wall -Wextra $(if $(CI),-Werror) $(OPT) $(CXXFLAGS) -c $< -o $@
$(BENCH): $(OUT)/bench/%: $(OUT)/obj/bench/%.o $(BENCH_LIB_C:%.c=$(OUT)/obj/%.o) $(LIB)
	$(LINK)
$(UNIT): $(OUT)/tests/%: $(OUT)/obj/tests/unit/%.o $(LIB)
	$(LINK)
$(OUT)/tests/differential: $(OUT)/obj/tests/services/differential.o $(LIB)
	$(LINK)
$(OUT)/tests/gbench: LIBS += -lbenchmark -lstdc++
$(OUT)/tests/gbench: $(OUT)/obj/tests/bench/gbench.o $(OUT)/obj/bench/gbench.o
	$(LINK)
$(OUT)/tests/mutants: $(OUT)/obj/tests/verify/mutants.o $(LIB)
	$(LINK)
.SECONDARY:

RULES := $(wildcard services/rules.mk services/edge.mk services/guests/guests.mk \
	bench/rules.mk bench/budget.mk bench/times.mk bench/authors.mk bench/edge.mk scripts/fastly/fastly.mk tests/rules.mk)
include $(RULES)
-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

# ---- targets ----------------------------------------------------------------------------------------------------------

.PHONY: help all deps mewe units benches check clean distclean dist
help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile $(RULES) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "Variables: SAN=1 (address and undefined-behaviour sanitizers, under build/san), V=1 (show the compiler's commands),"
	@echo "  CI=1 (warnings are errors), BLESS=1 (tests write their expected files anew), CC, CFLAGS, LDFLAGS, and those of"
	@echo "  scripts/deps.sh: DISTDIR, WASI_SDK_PATH, WASMTIME_PREFIX"

all: $(MEWE) $(if $(filter services/%,$(RULES)),services) $(if $(filter bench/%,$(RULES)),tables) ## the main job: all that this project shows first (the default)
deps: ## install what is needed, also for the tests, and stop
	@:
mewe: $(MEWE) ## the program, build/mewe
units: $(UNIT) $(OUT)/tests/differential $(OUT)/tests/mutants ## the unit tests' programs, build/tests/*
benches: $(BENCH)
services: ## the seven services, build/services/NAME.wasm and NAME.multivariant.wasm

# With SAN=1 the unit tests alone; without it they run both ways.
check: $(MEWE) units $(if $(SAN),,benches $(if $(filter tests/%,$(RULES)),tests-built)) ## run the tests (ONLY=PATTERN: some); the last line is `N passed, N failed`
	@$(if $(SAN),,$(MAKE) SAN=1 mewe units)
	@BUILD=$(OUT) tests/run.sh $(or $(ONLY),$(if $(SAN),tests/unit))

clean: ## remove what was built, but not what was fetched
	@find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} + 2>/dev/null || true
distclean: ## remove what was fetched, too
	rm -rf build

# Reproducible: a commit's own files and time, no name or time of the compressor.
dist: ## the committed files as build/mewe-COMMIT.tar.gz, the same bytes wherever it is made
	@mkdir -p build
	@name=mewe-$$(git rev-parse --short=12 HEAD) && git archive --format=tar --prefix=$$name/ HEAD | gzip -n -9 >build/$$name.tar.gz && \
		sha256sum build/$$name.tar.gz
