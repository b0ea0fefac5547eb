# One entry point for everything; `make help` lists it. Only Python 3.11 or newer and make are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" pyproject.toml
PYTEST_WORKERS ?= 4
MINUTES ?= 5
BROKER ?= valkey
SOURCES := service workers schemas migrations tests

.PHONY: help setup setup-dev run test lint faults unreadable walks bench bench-forecast lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.runtime ## .venv with the `samtycke` command and the embedded servers

setup-dev: $(VENV)/.dev ## the same, with what the tests and linters need

# `exec` hands signals straight to the program.
run: setup ## set everything up and serve, with embedded servers unless URLs are set
	@exec $(BIN)/samtycke run

test: setup-dev lint ## the whole suite on its own embedded servers
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal

lint: setup-dev ## ruff, mypy, import contracts, SQL lint
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/squawk --config deploy/squawk.toml migrations/*.sql

faults: setup-dev ## kill, freeze and cut off a running service, and check that it kept its promises
	$(BIN)/python -m pytest -m whole -s tests/faults
	$(BIN)/python -m tests.faults --minutes $(MINUTES) --broker $(BROKER) $(if $(SEED),--seed $(SEED))

unreadable: setup-dev ## play the whole demo and search everything at rest for its customers
	$(BIN)/python -m pytest -m whole -s tests/unreadable

walks: setup-dev ## many long random walks over the reorder flow
	$(BIN)/python -m pytest -m whole tests/use_cases/test_reorder_walks.py

bench: setup-dev ## print the measurements of docs and performance goals
	$(BIN)/python -m tests.benchmarks

bench-forecast: setup-dev ## how good the forecast is, on a real transaction set that it fetches
	$(BIN)/python -m tests.benchmarks.forecast

lock: setup-dev ## choose versions anew and write the locked requirement files
	$(LOCK) --upgrade --extra embedded --extra build -o deploy/requirements.txt
	$(LOCK) --upgrade --extra embedded --extra vault --extra aws-kms --extra build --extra dev \
		-c deploy/requirements.txt -o deploy/requirements-dev.txt
	$(LOCK) --upgrade --extra vault --extra aws-kms -c deploy/requirements-dev.txt -o deploy/requirements-keys.txt
	echo uv | $(subst pyproject.toml,-,$(LOCK)) -c deploy/requirements-dev.txt -o deploy/requirements-uv.txt

clean: ## remove the environment and caches, never the data folder
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp newer than its lock file means that there is nothing to do.
$(VENV)/.runtime: deploy/install deploy/requirements.txt pyproject.toml
	@PYTHON="$(PYTHON)" deploy/install deploy/requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime deploy/requirements-dev.txt
	@PYTHON="$(PYTHON)" deploy/install deploy/requirements-dev.txt
	@touch $@
