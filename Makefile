# `make demo` and `make test` set up what they need in .venv and .ci/javascript/node_modules, and run offline from then on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.dev-installed
BENCH := $(VENV)/.bench-installed
SITE := $(VENV)/.docs-installed
RUN := $(VENV)/.installed
# The lowest versions that pyproject.toml allows, and beside them versions that are known to be unsafe.
FLOORS := .venv-floors
UNSAFE := $(FLOORS)/unsafe
# ESLint and TypeScript, which check the browser scripts.
JS := .ci/javascript
JS_TOOLS := $(JS)/node_modules/.installed

# The tests start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# pip does not compile all packages on one core (`--no-compile`): what is imported is compiled then.

FAST := $(BIN)/pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder

# What a change is tried on while it is made.
QUICK := tests/contracts tests/metrics tests/pipelines/collection tests/pipelines/judges tests/prompts

# What strangers may try, and what is loaded.
FLOOR_TESTS := \
	tests/test_floors.py tests/metrics/formats tests/metrics/items/test_networks.py tests/pipelines/test_configuration.py \
	tests/pipelines/models/test_folder_code.py tests/pipelines/models/test_loading.py tests/pipelines/models/test_loras.py \
	tests/plugin/cli/test_configuration.py tests/plugin/web/test_security.py tests/plugin/web/test_throttle.py tests/prompts/space

# Lints two at a time; each tool's output stays together where this make can do that.
PAIRED := --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

# What `make bench` runs: all but scripts whose data must be obtained from their authors.
BENCHMARKS := \
	hosts/overhead.py adherence/recognition.py adherence/embedded_model.py adherence/photographs.py adherence/quoted_text.py \
	'adherence/colours.py --poor 250' 'adherence/tuning.py --seeds 8 --budget 40' \
	'score/kinds.py --peers --resaved --small' score/invariance.py 'score/invariance.py --overall -n 40' score/places.py score/speed.py score/fewshot.py \
	taste/taste.py taste/trust.py 'taste/trust.py --plain' collections/similar.py collections/varied.py taste/keepers.py collections/associations.py \
	search/batch_speed.py search/tuning.py 'search/tuning.py --methods soart,optuna-gp' \
	'search/tuning.py --seeds 60 --methods soart,optuna-gp,tpe,tpe-1,random --worlds quiet' \
	'search/tuning.py --worlds mixed,triples,dominant' 'search/tuning.py --worlds mixed,triples,dominant --methods soart,optuna-gp' \
	search/functions.py search/sampler_speed.py 'search/synonyms.py --seeds 200' search/tuning_pictures.py \
	'search/tuning_pictures.py --methods soart,optuna-gp --budget 80' search/tuning_numbers.py \
	'search/tuning_numbers.py --seeds 40 --methods soart,tpe-1,tpe,optuna-gp' search/proposing.py search/hints.py search/from_taste.py 'search/from_taste.py --judge person' search/optimizing.py search/breeding.py search/faces.py search/optimizing_memory.py hosts/comfyui_loop.py hosts/first_ranking.py hosts/web.py 'hosts/web.py -n 50000' \
	'hosts/web.py -n 5000 --raters 10 --seconds 60' collections/memory.py collections/duplicates.py collections/collection.py 'collections/collection.py --large 2000' hosts/cluster.py

.PHONY: help demo quick test test-slow test-floors test-comfyui coverage bench mutants collect licences lint lint-js lint-style lint-types pages docs clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[web]'
	touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev]'
	touch $@ $(RUN)

$(BENCH): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[dev,bench]'
	touch $@ $(DEV) $(RUN)

$(SITE): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[docs]'
	touch $@ $(RUN)

demo: $(RUN)  ## rank pictures, draw, learn a taste and tune a prompt to it, offline
	$(BIN)/soart demo

$(JS_TOOLS): $(JS)/package.json
	@npm install --prefix $(JS) --no-audit --no-fund --silent && touch $@ || \
		echo "npm cannot install ESLint and TypeScript: the browser scripts are not checked."

ifeq ($(shell command -v npm 2>/dev/null),)
lint-js:
	@echo "npm is not installed: the browser scripts are not checked."
else
lint-js: $(JS_TOOLS)
	@! [ -e $(JS_TOOLS) ] || $(JS)/node_modules/.bin/eslint --config $(JS)/eslint.config.js plugin pipelines $(JS)
	@! [ -e $(JS_TOOLS) ] || $(JS)/node_modules/.bin/tsc --project $(JS)
endif

lint-types: $(DEV)
	mkdir -p .typing && ln -sfn .. .typing/soart
	$(BIN)/mypy

lint-style: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports

lint: lint-types lint-style lint-js  ## format, style, types, import contracts and browser scripts

# The first import compiles packages and tests: beside the types, and not in every test process anew.
collect: $(DEV)
	@$(BIN)/pytest -m "not slow" --collect-only --quiet >/dev/null || $(BIN)/pytest -m "not slow" --collect-only --quiet

quick: $(DEV)  ## a minute of tests: metrics, prompts, judges and collection, without drawing
	$(BIN)/pytest -m "not slow and not patient" -k "not postgres" -n auto --dist worksteal $(QUICK)

test:  ## lint, then run the fast tests: what every change must pass
	@$(MAKE) --no-print-directory $(PAIRED) lint collect
	$(FAST)

test-slow: $(DEV)  ## run the tests that take minutes
	$(BIN)/pytest -m slow

$(FLOORS)/.installed: pyproject.toml .ci/floors.py
	$(PYTHON) -m venv --clear $(FLOORS)
	$(PYTHON) .ci/floors.py web models > $(FLOORS)/floors.txt
	$(PYTHON) .ci/floors.py --unsafe > $(FLOORS)/unsafe.txt
	$(FLOORS)/bin/python -m pip install --quiet --no-compile --constraint $(FLOORS)/floors.txt --editable '.[web,models]' \
		httpx2 hypothesis pytest pytest-cov pytest-xdist
	$(FLOORS)/bin/python -m pip install --quiet --no-compile --no-deps --target $(UNSAFE) --requirement $(FLOORS)/unsafe.txt
	touch $@

# Old packages use what newer ones, on which they depend, call deprecated.
test-floors: $(FLOORS)/.installed  ## run the tests of security and loading on the lowest versions allowed
	SOART_FLOORS=1 $(FLOORS)/bin/pytest -W ignore::DeprecationWarning -m "not slow" -n auto --dist loadfile $(FLOOR_TESTS)
	PYTHONPATH=$(UNSAFE) $(FLOORS)/bin/pytest -W ignore::DeprecationWarning tests/pipelines/models/test_folder_code.py tests/plugin/web/test_security.py

test-comfyui: $(DEV)  ## run the nodes in real checkouts of ComfyUI: DIR="checkout …"
	@status=0; for checkout in $(or $(DIR),$(error Name checkouts of ComfyUI: make test-comfyui DIR="…")); do \
		tail -n 1 "$$checkout/comfyui_version.py"; \
		COMFYUI_DIR="$$checkout" $(BIN)/pytest tests/plugin/comfyui -k "not standin" || status=1; \
	done; exit $$status

# Apart, because tracing every line takes as long again as the tests that are traced.
coverage: $(DEV)  ## run the fast tests traced: how much of the code do they reach?
	$(FAST) --cov --cov-report=term

# A script that fails does not keep the others from running.
bench: $(BENCH)  ## print the figures of docs/benchmarks/; hours
	@status=0; for script in $(BENCHMARKS); do \
		echo "benchmarks/$$script"; $(BIN)/python benchmarks/$$script || status=1; \
	done; exit $$status

mutants: $(DEV)  ## change rooms a little: do their own tests find it? an hour
	.ci/postgres $(BIN)/python .ci/mutants.py

pages: $(DEV)  ## write the pages that are made from the code
	$(BIN)/python docs/build_pages.py

licences: $(DEV)  ## write the page of the licences of what soart installs
	$(BIN)/python .ci/licences.py

docs: $(SITE)  ## build the documentation site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) $(FLOORS) $(JS)/node_modules build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
