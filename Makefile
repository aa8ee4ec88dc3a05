# `make demo` and `make test` set up what they need in .venv and .ci/javascript/node_modules, and run offline from then on.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.dev-installed
BENCH := $(VENV)/.bench-installed
RUN := $(VENV)/.installed
# ESLint and TypeScript, which check the browser scripts.
JS := .ci/javascript
JS_TOOLS := $(JS)/node_modules/.installed

.PHONY: demo test test-slow bench lint lint-js clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(DEV): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(RUN)

$(BENCH): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev,bench]'
	touch $@ $(DEV) $(RUN)

demo: $(RUN)
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

lint: $(DEV) lint-js
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p .typing && ln -sfn .. .typing/soart
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest -m "not slow" --cov --cov-report=term

test-slow: $(DEV)
	$(BIN)/pytest -m slow

bench: $(BENCH)
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/metadata_speed.py
	$(BIN)/python benchmarks/recognition.py
	$(BIN)/python benchmarks/build_technical.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/fewshot.py
	$(BIN)/python benchmarks/monotonicity.py
	$(BIN)/python benchmarks/taste.py
	$(BIN)/python benchmarks/rescore.py
	$(BIN)/python benchmarks/collaborative.py
	$(BIN)/python benchmarks/tuning.py
	$(BIN)/python benchmarks/tuning_pictures.py
	$(BIN)/python benchmarks/web.py
	$(BIN)/python benchmarks/build_detectors.py
	$(BIN)/python benchmarks/damage_modes.py
	$(BIN)/python benchmarks/duplicates.py
	$(BIN)/python benchmarks/collection.py
	$(BIN)/python benchmarks/cluster.py

clean:
	rm -rf $(VENV) $(JS)/node_modules build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage
