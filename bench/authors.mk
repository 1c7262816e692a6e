# authors.mk - the time of the authors' own multivariants, where the user has their bitcode: it is not ours to give.
#
# In:  AUTHORS_BITCODE, a folder with libsodium.bc and allinone.multivariant.bc (in the authors' repository: examples/libsodium/*/libs).
# Out: build/authors/NAME.{original,multivariant}.wasm; rows in results/local/authors; their table on standard output.
# Holds: nothing proves these variants, so the configuration is called `authors-unverified`. Original and multivariant are linked
#      alike, with our service around them, at the linker's own level as in their recipe (AUTHORS_LTO).

AUTHORS_SERVICES ?= $(SERVICES_SODIUM)
AUTHORS_LTO ?= 2
AUTHORS_COUNT ?= $(BENCH_COUNT)
AUTHORS_DIR := build/authors
AUTHORS_FILE_original := libsodium.bc
AUTHORS_FILE_multivariant := allinone.multivariant.bc
AUTHORS_ROWS_DIR := results/local/authors
AUTHORS_ROWS := $(AUTHORS_SERVICES:%=$(AUTHORS_ROWS_DIR)/%.csv)

$(AUTHORS_DIR)/discriminate.o: bench/authors/discriminate.c
	@mkdir -p $(@D)
	@$(WASM_CC) $(WASM_CFLAGS) $(SERVICE_CFLAGS) -O2 -c $< -o $@
$(AUTHORS_DIR)/%.service.o: services/%.c $(SERVICE_HEADERS) build/services/include/sodium/version.h
	@mkdir -p $(@D)
	@$(WASM_CC) $(WASM_CFLAGS) $(SERVICE_CFLAGS) -O2 $(WASM_INCLUDE_sodium) -c $< -o $@

define authors_rules
$(AUTHORS_DIR)/%.$1.wasm: $(AUTHORS_DIR)/%.service.o build/services/wasi-release.o $(AUTHORS_DIR)/discriminate.o \
		$(AUTHORS_BITCODE)/$(AUTHORS_FILE_$1)
	@echo "wasm-ld $$@"
	@$(WASM_CC) $(WASM_LDFLAGS) -Wl,--lto-O$(AUTHORS_LTO) $$^ -o $$@.raw
	@$(MEWE) build $$@.raw -o $$@ -q --strategy none
	@rm $$@.raw
endef
ifneq ($(AUTHORS_BITCODE),)
$(foreach k,original multivariant,$(eval $(call authors_rules,$k)))
$(foreach k,original multivariant,$(AUTHORS_BITCODE)/$(AUTHORS_FILE_$k)):
	@echo "authors: $@ is missing" >&2; exit 2
endif
$(AUTHORS_ROWS): $(AUTHORS_ROWS_DIR)/%.csv: $(AUTHORS_DIR)/%.original.wasm $(AUTHORS_DIR)/%.multivariant.wasm $(MEASURE_C) | \
		$(MEASURE) $(MEWE)
	@mkdir -p $(@D) build/measure
	@echo "times $@: $(AUTHORS_COUNT) executions"
	@flock build/measure/time.lock $(MEASURE) rq4 --service $* --profile release --input valid $(MEASURE_FREE_$*) --original $< \
		--also authors-unverified=$(word 2,$^) --count $(AUTHORS_COUNT) --rounds $(BENCH_ROUNDS) -o $@

.PHONY: authors
ifneq ($(AUTHORS_BITCODE),)
authors: $(AUTHORS_ROWS)
	@echo "The authors' bitcode, linked here with --lto-O$(AUTHORS_LTO)."
	@echo "Unverified: nothing proved these variants; the built-in input's answer was compared."
	@$(PYTHON) scripts/rq4.py --published results/paper $^
else
authors: ## the time of the authors' own multivariants, unverified; AUTHORS_BITCODE=DIR names their files
	@echo "authors: AUTHORS_BITCODE is not set: name the folder with $(AUTHORS_FILE_original) and $(AUTHORS_FILE_multivariant)" >&2; exit 2
endif
