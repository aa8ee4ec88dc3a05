# `make demo` and `make test` set up what they need in .venv and .ci/javascript/node_modules, and run offline from then on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.dev-installed
BENCH := $(VENV)/.bench-installed
SITE := $(VENV)/.docs-installed
RUN := $(VENV)/.installed
# ESLint and TypeScript, which check the browser scripts.
JS := .ci/javascript
JS_TOOLS := $(JS)/node_modules/.installed

# The tests start hundreds of processes, each of which would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

# pip does not compile all packages on one core (`--no-compile`): what is imported is compiled then.

FAST := $(BIN)/pytest -m "not slow" -n auto --dist loadfile --no-loadscope-reorder

# Lints two at a time; each tool's output stays together where this make can do that.
PAIRED := --jobs=2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: help demo test test-slow coverage bench collect lint lint-js lint-style lint-types pages texts docs clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable .
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

demo: $(RUN)  ## draw, rank, learn a taste and tune a prompt on the embedded model
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

test:  ## lint, then run the fast tests: what every change must pass
	@$(MAKE) --no-print-directory $(PAIRED) lint collect
	$(FAST)

test-slow: $(DEV)  ## run the tests that take minutes
	$(BIN)/pytest -m slow

# Apart, because tracing every line takes as long again as the tests that are traced.
coverage: $(DEV)  ## run the fast tests traced: how much of the code do they reach?
	$(FAST) --cov --cov-report=term

bench: $(BENCH)  ## print the figures of docs/benchmarks/; hours
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/metadata_speed.py
	$(BIN)/python benchmarks/recognition.py
	$(BIN)/python benchmarks/adherence.py
	$(BIN)/python benchmarks/adherence_photographs.py
	$(BIN)/python benchmarks/adherence_text.py
	$(BIN)/python benchmarks/build_quality.py
	$(BIN)/python benchmarks/item_selection.py
	$(BIN)/python benchmarks/kinds.py --peers
	$(BIN)/python benchmarks/invariance.py
	$(BIN)/python benchmarks/places.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/fewshot.py
	$(BIN)/python benchmarks/monotonicity.py
	$(BIN)/python benchmarks/taste.py
	$(BIN)/python benchmarks/similar.py
	$(BIN)/python benchmarks/stacks.py
	$(BIN)/python benchmarks/keepers.py
	$(BIN)/python benchmarks/first_contact.py
	$(BIN)/python benchmarks/associations.py
	$(BIN)/python benchmarks/rescore.py
	$(BIN)/python benchmarks/collaborative.py
	$(BIN)/python benchmarks/tuning.py
	$(BIN)/python benchmarks/functions.py
	$(BIN)/python benchmarks/synonyms.py --seeds 200
	$(BIN)/python benchmarks/tuning_pictures.py
	$(BIN)/python benchmarks/tuning_numbers.py
	$(BIN)/python benchmarks/proposing.py
	$(BIN)/python benchmarks/hints.py
	$(BIN)/python benchmarks/comfyui_loop.py
	$(BIN)/python benchmarks/web.py
	$(BIN)/python benchmarks/duplicates.py
	$(BIN)/python benchmarks/collection.py
	$(BIN)/python benchmarks/cluster.py

texts: $(DEV)  ## bring the catalogues of the gallery's languages in step with its texts
	$(BIN)/python .ci/texts.py

pages: $(DEV)  ## write the pages that are made from the code
	$(BIN)/python docs/build_pages.py

docs: $(SITE)  ## build the documentation site in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) $(JS)/node_modules build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
