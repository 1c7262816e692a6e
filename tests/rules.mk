# rules.mk - what the tests need built: each service with a replayable and with a host-driven discriminator, the control,
# small programs that are no services, and the program under the sanitizers.
#
# Out: build/check/services/NAME.{fixed,host,copy}.wasm; build/check/kernels/NAME.wasm and NAME, the same natively;
#      build/check/agree; build/check/edge/snapshot.wasm; build/san/mewe.

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

# ---- kernels: programs from several fields --------------------------------------------------------------------------

KERNELS_DIR := build/check/kernels
KERNEL_NAMES := $(patsubst tests/kernels/%.c,%,$(filter-out %/agree.c %/host.c,$(wildcard tests/kernels/*.c)))
KERNEL_FILES := $(KERNEL_NAMES:%=$(KERNELS_DIR)/%.wasm) $(KERNEL_NAMES:%=$(KERNELS_DIR)/%)

$(KERNELS_DIR)/%.wasm: tests/kernels/%.c tests/kernels/host.c tests/kernels/kernel.h
	@mkdir -p $(@D)
	@echo "wasm-cc $@"
	$(Q)for f in $* host; do $(WASM_CC) $(WASM_CFLAGS) $(SERVICE_CFLAGS) -O2 -c tests/kernels/$$f.c -o $(@:.wasm=).$$f.o || exit 1; done
	$(Q)$(WASM_CC) $(filter-out -nostartfiles,$(WASM_LDFLAGS)) $(@:.wasm=).$*.o $(@:.wasm=).host.o -o $@
	@rm $(@:.wasm=).$*.o $(@:.wasm=).host.o
$(KERNEL_NAMES:%=$(KERNELS_DIR)/%): $(KERNELS_DIR)/%: tests/kernels/%.c tests/kernels/host.c tests/kernels/kernel.h
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(CC) $(SERVICE_CFLAGS) -O1 $(filter %.c,$^) -o $@
build/check/agree: build/obj/tests/kernels/agree.o $(LIB)
	$(LINK)

.PHONY: kernels
kernels: $(MEWE) $(KERNEL_FILES) build/check/agree ## small programs of several fields, made multivariant and compared: a table (SEEDS=N: choices tried)
	@set -o pipefail; MEWE=$(CURDIR)/$(MEWE) MEWE_CACHE=none bash tests/kernels/kernels.test.sh | grep -v '^ok '

# ---- edge: a service with exports for Wizer, which the shipped ones do not have -----------------------------------------

SNAPSHOT_LINKED := build/edge/fastly-release.o build/services/libsodium-release.a
build/check/edge/snapshot.wasm: tests/edge/snapshot.c services/bin2base64.c $(SNAPSHOT_LINKED) $(SERVICE_HEADERS)
	@mkdir -p $(@D)
	@echo "wasm-cc $@"
	$(Q)for f in $(filter %.c,$^); do $(WASM_CC) $(WASM_CFLAGS) $(SERVICE_CFLAGS) $(PROFILE_release) $(WASM_INCLUDE_sodium) \
		-c $$f -o $(@D)/$$(basename $$f).o || exit 1; done
	$(Q)$(WASM_CC) $(WASM_LDFLAGS) $(@D)/*.c.o $(SNAPSHOT_LINKED) -o $@
	@rm $(@D)/*.c.o

.PHONY: tests-built
tests-built: build/check/edge/snapshot.wasm
tests-built: $(OUT)/tests/gbench services services-raw services-fuzz $(CHECKED_BUILDS) $(KERNEL_FILES) build/check/agree
	@$(if $(SAN),,$(MAKE) SAN=1 build/san/mewe)
