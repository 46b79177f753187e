# One command each, with nothing but Python 3.11 or newer, make and the package registries.
#   make demo     plan a blocks task written in English, and see what Eudoxus keeps of it
#   make test     lint, types, layers and all tests
#   make serve    the service on http://127.0.0.1:8000
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := runtime sandbox decoding agents planners prompts service solvers evaluation
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo serve test pytest lint bench local lock clean

demo: $(VENV)/.installed
	@$(BIN)/eudoxus demo

serve: $(VENV)/.installed
	@$(BIN)/eudoxus serve

test: lint pytest

pytest: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/.installed-dev build/typecheck
	$(BIN)/ruff check .
	MYPYPATH=build/typecheck $(BIN)/mypy $(foreach p,$(PACKAGES),-p eudoxus.$(p))
	PYTHONPATH=build/typecheck $(BIN)/lint-imports

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.gateway --quick

# The flat folders are installed as eudoxus.*; tools that read sources find them under that name through links.
build/typecheck: Makefile
	@rm -rf $@ && mkdir -p $@/eudoxus
	@for p in $(PACKAGES); do ln -s ../../../$$p $@/eudoxus/$$p; done

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found; set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (once) ..."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) with what the tests need (once) ..."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.installed

# Hugging Face models (torch, transformers): their tests are skipped without.
local: $(VENV)/.installed-local

$(VENV)/.installed-local: requirements-local.txt $(VENV)/.installed-dev
	@echo "installing torch and transformers into $(VENV) (once) ..."
	@$(PIP) install -r requirements-local.txt
	@touch $@

# Needs uv. The locks hold names, versions and hashes only, for every platform and Python from 3.11 on.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links
lock:
	echo "setuptools>=80" | $(LOCK) pyproject.toml - --extra dev -o requirements-dev.lock
	echo "setuptools>=80" | $(LOCK) pyproject.toml - --extra embedded --extra fast --extra planners -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
