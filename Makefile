# Everything runs in a virtual environment of its own (.venv), made from pinned requirements with hashes.
# Needed on the machine: make and Python 3.11 or newer. `make e2e` also builds real servers where Go is installed.

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { command -v $$p; break; }; done)
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet
# Test processes side by side; PYTEST_ARGS adds arguments, e.g. make test PYTEST_ARGS="-k scan -x".
JOBS ?= auto
PYTEST_ARGS ?=
# How much `make soak` does: a number of generated cases and of kills.
SOAK_CASES ?= 20000
SOAK_KILLS ?= 50

.DEFAULT_GOAL := help
.PHONY: help demo test check format e2e bench soak lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

$(PY):
	@test -n "$(PYTHON)" || { echo "image-enforcer needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(READY): requirements/runtime.txt requirements/dev.txt pyproject.toml | $(PY)
	@echo "setting up $(VENV) (once; a minute or so)"
	@$(PIP) --require-hashes -r requirements/runtime.txt -r requirements/dev.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@$(PY) -m compileall -q src/image_enforcer || true
	@touch $@

demo: $(READY) ## play the tour: policies decide on the sample images, in the REPL and over HTTP
	@$(PY) tools/demo.py

test: $(READY) ## every test that needs nothing but Python
	$(PY) -m pytest -m "not e2e and not soak" -n $(JOBS) $(PYTEST_ARGS)

check: $(READY) ## format, lint, types, import contracts
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: $(READY) ## rewrite the sources in the house format
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

e2e: $(READY) ## tests against real servers (built once, kept outside the tree)
	$(PY) tools/peers.py build
	$(PY) -m pytest -m "e2e and not soak" $(PYTEST_ARGS)

bench: $(READY) ## ours beside the peers, bytes to bytes, as a ratio
	@$(PIP) --require-hashes -r requirements/bench.txt || echo "benchmarks: the Python peers could not be installed; they are left out"
	$(PY) -m benchmarks

soak: $(READY) ## the long loops: fuzzing, kills, generated requests
	SOAK_CASES=$(SOAK_CASES) SOAK_KILLS=$(SOAK_KILLS) $(PY) -m pytest -m soak --timeout 0 $(PYTEST_ARGS)

lock: $(READY) ## write requirements/*.txt anew from pyproject.toml and requirements/*.in
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --require-hashes -r requirements/lock.txt
	LOCK_TOOL=$(CURDIR)/$(VENV)/lock/bin/pip-compile tools/lock.sh $(LOCK_ARGS)

clean: ## remove the virtual environment and every cache in the tree
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
