# rules.mk - the seven services, built three ways from one source.
#
# In:  services/*.c, services/host/*.c, the sources of libsodium and libqrencode (LIBSODIUM_SRC, LIBQRENCODE_SRC), a clang that
#      knows wasm32-wasi (Debian's, or the one of a wasi-sdk at WASI_SDK_PATH), build/mewe.
# Out: build/services/raw/PROFILE/NAME.wasm           as compiled; profiles: release (-O2), paper (barely optimised, not inlined)
#      build/services/[paper/]NAME.wasm               the original: the same through `mewe build --strategy none`
#      build/services/[paper/]NAME.multivariant.wasm  and NAME.ledger.csv beside it
#      build/services/native/NAME                     a program of this machine, with the system's libraries
# Set MEWE_FLAGS for other multivariants: make services MEWE_FLAGS='--dispatch request'.
# Holds: no absolute path reaches the output, so that two folders build the same bytes.

SERVICES := encrypt decrypt random invert bin2base64 qr_str qr_image
SERVICES_SODIUM := encrypt decrypt random invert bin2base64
SERVICES_QR := qr_str qr_image
PROFILES := release paper
# Bodies for each dispatcher: 16, and more where a request enters few functions (three, in bin2base64's release), or where the
# paper has more.
VARIANTS := 16
VARIANTS_bin2base64 := 64
VARIANTS_paper_qr_str := 24
VARIANTS_paper_qr_image := 24
# $(call variants_of,NAME,PROFILE)
variants_of = $(or $(VARIANTS_$2_$1),$(VARIANTS_$1),$(VARIANTS))
MEWE_FLAGS ?=
# What was proved and compiled once: for all builds here, and for none elsewhere.
CACHE := build/proofs.db

LIBSODIUM_SRC ?= build/deps/src/libsodium-1.0.18
LIBQRENCODE_SRC ?= build/deps/src/libqrencode-4.1.1
SODIUM_DIR := $(LIBSODIUM_SRC)/src/libsodium

Q := $(if $(V),,@)

WASM_TRIPLE := wasm32-wasi
ifneq ($(WASI_SDK_PATH),)
WASM_SYSROOT := $(WASI_SDK_PATH)/share/wasi-sysroot
WASM_CC := $(WASI_SDK_PATH)/bin/clang --sysroot=$(WASM_SYSROOT)
WASM_AR := $(WASI_SDK_PATH)/bin/llvm-ar
# The same ABI under the name that the newer ones know it by.
ifneq ($(wildcard $(WASM_SYSROOT)/lib/wasm32-wasip1),)
WASM_TRIPLE := wasm32-wasip1
endif
else
WASM_CC ?= clang-19
WASM_AR ?= llvm-ar-19
endif

# Exactly the features that Fastly's own guests use. The link carries no -O: clang would run whatever wasm-opt is on PATH.
WASM_TARGET := --target=$(WASM_TRIPLE) -mcpu=mvp -msign-ext -mmutable-globals -mbulk-memory
WASM_CFLAGS := $(WASM_TARGET) -ffile-prefix-map=$(CURDIR)/= \
	-ffile-prefix-map=$(LIBSODIUM_SRC)/=libsodium/ -ffile-prefix-map=$(LIBQRENCODE_SRC)/=libqrencode/
WASM_LDFLAGS := $(WASM_TARGET) -nostartfiles -Wl,-z,stack-size=262144 -Wl,--stack-first -Wl,--strip-debug \
	-lwasi-emulated-signal
SERVICE_CFLAGS := -std=gnu11 -Wall -Wextra -Werror
PROFILE_release := -O2
# With the paper's inputs this gives the function entries that its traces have less their choices, the three or four of host
# and service not counted: encrypt 809, decrypt 434, bin2base64 29; only invert differs, 7380 for 7341.
PROFILE_paper := -O1 -fno-inline

SODIUM_CFLAGS := -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 -DED25519_NONDETERMINISTIC=1 -DSODIUM_STATIC=1 \
	-D_WASI_EMULATED_SIGNAL -I$(SODIUM_DIR)/include/sodium -Ibuild/services/include/sodium -w
QRENCODE_CFLAGS := -DSTATIC_IN_RELEASE=static -DMAJOR_VERSION=4 -DMINOR_VERSION=1 -DMICRO_VERSION=1 \
	-DVERSION='"4.1.1"' -w
# What a service sees of the libraries.
WASM_INCLUDE_sodium := -DSODIUM_STATIC=1 -isystem $(SODIUM_DIR)/include -isystem build/services/include
WASM_INCLUDE_qrencode := -isystem $(LIBQRENCODE_SRC)
NATIVE_sodium := -DSERVICE_SODIUM -lsodium
NATIVE_qrencode := -lqrencode
$(foreach s,$(SERVICES_SODIUM),$(eval LIBRARY_$s := sodium))
$(foreach s,$(SERVICES_QR),$(eval LIBRARY_$s := qrencode))

SERVICE_HEADERS := services/service.h services/aead.h services/qr.h
SERVICES_RAW := $(foreach p,$(PROFILES),$(SERVICES:%=build/services/raw/$p/%.wasm))
SERVICES_NATIVE := $(SERVICES:%=build/services/native/%)
SERVICES_release := $(SERVICES:%=build/services/%.wasm) $(SERVICES:%=build/services/%.multivariant.wasm)
SERVICES_paper := $(SERVICES:%=build/services/paper/%.wasm) $(SERVICES:%=build/services/paper/%.multivariant.wasm)

.PHONY: services services-raw services-native services-release services-paper
.DELETE_ON_ERROR:
services: services-release services-native
services-raw: $(SERVICES_RAW)
services-native: $(SERVICES_NATIVE)
services-release: $(SERVICES_release)
services-paper: $(SERVICES_paper)

# ---- the libraries, once for each profile -------------------------------------------------------------------------

# The one header that libsodium's configure would have made.
build/services/include/sodium/version.h: $(SODIUM_DIR)/include/sodium/version.h.in
	@mkdir -p $(@D)
	$(Q)sed -e 's/@VERSION@/1.0.18/; s/@SODIUM_LIBRARY_VERSION_MAJOR@/10/; s/@SODIUM_LIBRARY_VERSION_MINOR@/3/' \
		-e 's/@SODIUM_LIBRARY_MINIMAL_DEF@//' $< > $@

# $(call compile_library,PROFILE,CFLAGS,FILES): to objects named for the files' paths, then all of them to the archive $@.
define compile_library
	@echo "wasm-cc $@"
	@rm -rf $(@:.a=.o) && mkdir -p $(@:.a=.o)
	$(Q)set -e; for f in $3; do \
		$(WASM_CC) $(WASM_CFLAGS) -std=gnu11 $(PROFILE_$1) $2 -c $$f -o $(@:.a=.o)/$$(echo $$f | tr / _).o; \
	done
	$(Q)$(WASM_AR) rcsD $@ $(@:.a=.o)/*.o
	@rm -rf $(@:.a=.o)
endef

build/services/libsodium-%.a: build/services/include/sodium/version.h
	$(call compile_library,$*,$(SODIUM_CFLAGS),$$(find $(SODIUM_DIR) -name '*.c' | LC_ALL=C sort))

# Its nine core files: the program, and what needs threads, stay out.
QRENCODE_FILES := bitstream mask mmask mqrspec qrencode qrinput qrspec rsecc split
build/services/libqrencode-%.a: $(LIBQRENCODE_SRC)/qrencode.h
	$(call compile_library,$*,$(QRENCODE_CFLAGS),$(QRENCODE_FILES:%=$(LIBQRENCODE_SRC)/%.c))

# ---- modules ------------------------------------------------------------------------------------------------------

# $(call host_rule,OBJECT,HOST): OBJECT-PROFILE.o of host/HOST.c.
define host_rule
$1-%.o: services/host/$2.c $(wildcard services/host/$2_*.h) services/service.h
	@mkdir -p $$(@D)
	@echo "wasm-cc $$@"
	$(Q)$(WASM_CC) $(WASM_CFLAGS) $(SERVICE_CFLAGS) $$(PROFILE_$$*) -c $$< -o $$@
endef
$(eval $(call host_rule,build/services/wasi,wasi))

# $(call service_rules,NAME,PROFILE,FOLDER,OBJECT): the module with that host, in FOLDER/PROFILE.
define service_rules
$3/$2/$1.wasm: services/$1.c $4-$2.o build/services/lib$(LIBRARY_$1)-$2.a $(SERVICE_HEADERS)
	@mkdir -p $$(@D)
	@echo "wasm-cc $$@"
	$(Q)$(WASM_CC) $(WASM_CFLAGS) $(SERVICE_CFLAGS) $(PROFILE_$2) $(WASM_INCLUDE_$(LIBRARY_$1)) -c $$< -o $$(@:.wasm=.o)
	$(Q)$(WASM_CC) $(WASM_LDFLAGS) $4-$2.o $$(@:.wasm=.o) build/services/lib$(LIBRARY_$1)-$2.a -o $$@
	@rm $$(@:.wasm=.o)
endef
$(foreach p,$(PROFILES),$(foreach s,$(SERVICES),$(eval $(call service_rules,$s,$p,build/services/raw,build/services/wasi))))

MEWE_ORIGINAL = @echo "mewe $@"; build/mewe build $< -o $@ --strategy none -q
# $(call MEWE_MULTIVARIANT,PROFILE)
MEWE_MULTIVARIANT = @echo "mewe $@"; build/mewe build $< -o $@ --cache $(CACHE) --ledger $(@:.multivariant.wasm=.ledger.csv) --variants $(call variants_of,$*,$1) $(MEWE_FLAGS)

$(SERVICES:%=build/services/%.wasm): build/services/%.wasm: build/services/raw/release/%.wasm build/mewe
	$(MEWE_ORIGINAL)
$(SERVICES:%=build/services/%.multivariant.wasm): build/services/%.multivariant.wasm: build/services/raw/release/%.wasm build/mewe
	$(call MEWE_MULTIVARIANT,release)
$(SERVICES:%=build/services/paper/%.wasm): build/services/paper/%.wasm: build/services/raw/paper/%.wasm build/mewe
	@mkdir -p $(@D)
	$(MEWE_ORIGINAL)
$(SERVICES:%=build/services/paper/%.multivariant.wasm): build/services/paper/%.multivariant.wasm: build/services/raw/paper/%.wasm build/mewe
	@mkdir -p $(@D)
	$(call MEWE_MULTIVARIANT,paper)

$(SERVICES_NATIVE): build/services/native/%: services/%.c services/host/native.c $(SERVICE_HEADERS)
	@mkdir -p $(@D)
	@echo "cc $@"
	$(Q)$(CC) $(SERVICE_CFLAGS) -O2 services/$*.c services/host/native.c $(NATIVE_$(LIBRARY_$*)) -o $@

# The service's contract under the sanitizers: what tests/services/run.sh runs.
SERVICES_FUZZ := $(SERVICES:%=build/services/fuzz/%)
FUZZ = @echo "cc $@"; mkdir -p $(@D); \
	$(CC) $(SERVICE_CFLAGS) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(filter %.c,$^) $1 -o $@
.PHONY: services-fuzz
services-fuzz: $(SERVICES_FUZZ) build/services/fuzz/broken
$(SERVICES_FUZZ): build/services/fuzz/%: services/%.c tests/services/fuzz.c $(SERVICE_HEADERS)
	$(call FUZZ,$(NATIVE_$(LIBRARY_$*)))
build/services/fuzz/broken: tests/services/broken.c tests/services/fuzz.c services/service.h
	$(call FUZZ,)
