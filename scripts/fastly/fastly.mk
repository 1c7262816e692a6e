# fastly.mk - the measurements on Fastly's production edge: needs an account's token, nothing else of `make` does.
#
# In:  build/edge/[paper/]NAME.wasm (services/edge.mk), FASTLY_API_TOKEN in the environment; FASTLY_FLAGS, FASTLY_PROFILE.
# Out: results/local/edge-PROFILE/fastly-NAME.csv, tables. Holds: `fastly-dry-run` needs neither a token nor a network.

FASTLY_PROFILE ?= paper
FASTLY_FLAGS ?=

.PHONY: fastly fastly-dry-run
fastly-dry-run: ## what `make fastly` would do on Fastly's production edge, each call and the cost, without doing it
	@python3 scripts/fastly/kit.py all --dry-run --profile $(FASTLY_PROFILE) $(FASTLY_FLAGS)
fastly: $(if $(filter release,$(FASTLY_PROFILE)),edge-modules,edge-modules-paper)
fastly: ## repeat the measurements on Fastly's production edge (needs a token in FASTLY_API_TOKEN)
	@python3 scripts/fastly/kit.py all --profile $(FASTLY_PROFILE) $(FASTLY_FLAGS)
