# One entry point for everything; `make help` lists it. Only Python 3.11 or newer and make are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One line for every install: hashes are checked, nothing is resolved anew, and bytecode is compiled
# afterwards by all cores at once (without it every process of `make run` starts seconds later).
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml
# Big folders that nothing here imports, or only to install, are left out.
COMPILE := $(BIN)/python -m compileall -qq -j 0 -x \
	'/phonenumbers/(geodata|carrierdata|tzdata)|/(pip|setuptools|valkey|tests)/|/pygments/(lexers|styles)'
PYTEST_WORKERS ?= 4
SOURCES := service workers schemas migrations tests

.PHONY: help setup setup-dev run test lint bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.runtime ## .venv with the `samtycke` command and the embedded servers

setup-dev: $(VENV)/.dev ## the same, with what the tests and linters need

run: setup ## set everything up and serve, with embedded servers unless URLs are set
	@exec $(BIN)/samtycke run

test: setup-dev lint ## the whole suite on its own embedded servers
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS)

lint: setup-dev ## ruff, mypy, import contracts, SQL lint
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/squawk --config deploy/squawk.toml migrations/*.sql

bench: setup-dev ## print the measurements of docs and performance goals
	$(BIN)/python -m tests.benchmarks

lock: setup-dev ## choose versions anew and write the locked requirement files
	$(LOCK) --upgrade --extra embedded --extra build -o deploy/requirements.txt
	$(LOCK) --upgrade --extra embedded --extra build --extra dev \
		-c deploy/requirements.txt -o deploy/requirements-dev.txt

clean: ## remove the environment and caches, never the data folder
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# `exec` hands signals straight to the program; a stamp newer than its lock file means nothing to do.
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "samtycke needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/pyvenv.cfg deploy/requirements.txt pyproject.toml
	$(PIP) --no-compile --require-hashes -r deploy/requirements.txt
	@$(COMPILE) $(VENV)/lib service workers schemas & \
	$(PIP) --no-compile --no-build-isolation --editable . ; status=$$? ; wait ; exit $$status
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime deploy/requirements-dev.txt
	$(PIP) --no-compile --require-hashes -r deploy/requirements-dev.txt
	@$(COMPILE) $(VENV)/lib || true
	@touch $@
