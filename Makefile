# Makefile - everything is made from here, without recursion.
#
#   make         install what is needed, build mewe and the seven services, make them multivariant, run and measure them
#   make check   the tests
#   make help    all targets

.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc) --output-sync=target --no-print-directory
endif

# ---- what is needed: installed first, and make starts again with the paths that were found ---------------------------

NO_DEPS := help clean dist
ifneq ($(filter-out $(NO_DEPS),$(or $(MAKECMDGOALS),all)),)
DEPS_WHAT := $(if $(filter check bless,$(MAKECMDGOALS)),test,main)
DEPS_DONE := $(shell scripts/deps.sh $(DEPS_WHAT) >&2 || echo failed)
ifneq ($(DEPS_DONE),)
$(error the dependencies are not all there; the line above says which)
endif
include build/deps/config.mk
endif

# ---- mewe -------------------------------------------------------------------------------------------------------------

CC ?= cc
CXX ?= c++
OUT := build$(if $(SAN),/san)
OPT := $(if $(SAN),-O1 -g -fsanitize=address$(,)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer,-O2 -g)
, := ,
CFLAGS_ALL = -std=gnu11 -Wall -Wextra $(if $(CI),-Werror) $(OPT:%=%) -fvisibility=hidden $(CFLAGS)
INCLUDES = $(Z3_CFLAGS) $(WT_CFLAGS)
LIBS = $(Z3_LIBS) $(WT_LIBS) -lbinaryen -lZydis -ljansson -lm -lpthread $(RPATHS)

CLI_C := mewe/main.c $(wildcard mewe/cli_*.c)
LIB_C := $(filter-out $(CLI_C),$(wildcard mewe/*.c mewe/strategy/*.c))
LIB_O := $(LIB_C:%.c=$(OUT)/obj/%.o) $(OUT)/obj/gen/discriminators.o
CLI_O := $(CLI_C:%.c=$(OUT)/obj/%.o)

$(OUT)/obj/%.o: %.c build/deps/config.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(INCLUDES) -MMD -MP -c $< -o $@

# The discriminators' texts, as strings.
build/gen/discriminators.c: $(wildcard mewe/discriminator/*.wat) scripts/embed.py
	@mkdir -p $(@D)
	python3 scripts/embed.py $(filter %.wat,$^) > $@
$(OUT)/obj/gen/discriminators.o: build/gen/discriminators.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c $< -o $@

$(OUT)/libmewe.a: $(LIB_O)
	@rm -f $@
	$(AR) rcsD $@ $^
$(OUT)/mewe: $(CLI_O) $(OUT)/libmewe.a
	$(CC) $(CFLAGS_ALL) $^ $(LIBS) -o $@

# ---- benches and unit tests: one program for each file ----------------------------------------------------------------

BENCH_LIB_C := $(wildcard bench/lib*.c)
BENCH_C := $(filter-out $(BENCH_LIB_C),$(wildcard bench/*.c))
BENCH := $(BENCH_C:bench/%.c=$(OUT)/bench/%)
$(BENCH): $(OUT)/bench/%: $(OUT)/obj/bench/%.o $(BENCH_LIB_C:%.c=$(OUT)/obj/%.o) $(OUT)/libmewe.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $^ $(LIBS) -o $@

UNIT_C := $(wildcard tests/unit/*.c)
UNIT := $(UNIT_C:tests/unit/%.c=$(OUT)/tests/%)
TEST_TOOLS := $(OUT)/tests/differential
$(UNIT): $(OUT)/tests/%: $(OUT)/obj/tests/unit/%.o $(OUT)/libmewe.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $^ $(LIBS) -o $@
$(OUT)/tests/differential: $(OUT)/obj/tests/services/differential.o $(OUT)/libmewe.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $^ $(LIBS) -o $@

-include services/rules.mk
-include bench/rules.mk
-include tests/rules.mk
-include $(shell find $(OUT)/obj -name '*.d' 2>/dev/null)

# ---- targets ----------------------------------------------------------------------------------------------------------

.PHONY: help all check bless mewe units clean dist
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort -u | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
	@echo "Variables: SAN=1 (with sanitizers, under build/san), CI=1 (warnings are errors), BLESS=1 (write golden files anew),"
	@echo "WASI_SDK_PATH, WASMTIME_PREFIX, DISTDIR (see scripts/deps.sh)"

all: $(OUT)/mewe services tables ## the main job: install, build, make multivariant, run, measure, print the first tables
mewe: $(OUT)/mewe ## the program alone
units: $(UNIT) $(TEST_TOOLS)

check: $(OUT)/mewe units $(BENCH) tests-built ## run the tests; the last line is `N passed, N failed`
	@tests/run.sh

clean: ## remove what was built, but not what was fetched
	rm -rf build/obj build/gen build/san build/services build/tests build/bench build/mewe build/libmewe.a build/check

dist: ## a reproducible tarball of what is committed: build/mewe-VERSION.tar.gz
	@mkdir -p build
	git archive --format=tar --prefix=mewe/ HEAD | gzip -n -9 > build/mewe.tar.gz
	@sha256sum build/mewe.tar.gz
