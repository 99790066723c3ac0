# Touchstone: everything a newcomer needs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help demo test drill check bench anvil clean

help:  ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

demo: $(VENV)/.runtime  ## run the whole product here: http://localhost:8000 (PORT= changes the port, Ctrl-C stops it)
	@$(BIN)/python -m portal.demo --port $(PORT)

test: $(VENV)/.dev anvil  ## run every test: on SQLite, and at the same time on a real PostgreSQL with a real Redis-protocol server
	$(BIN)/python -m tests.both

drill: $(VENV)/.dev anvil  ## play every trouble of the table in docs/operations/troubles.md on a real node and a real PostgreSQL
	$(BIN)/python -m tests.services sh -c '$(BIN)/python manage.py anchor_drill --postgresql "$$DATABASE_URL"'

check: $(VENV)/.dev  ## lint, formatting, types, migrations, pinned requirements
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy portal claims anchoring
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING

bench: $(VENV)/.bench anvil  ## measure beside the peers in one run; prints the tables of docs/performance.md
	$(BIN)/python -m tests.services $(VENV)-bench/bin/python -m tests.bench

anvil: | $(VENV)/bin/python  ## install the node that drills run on, unless it is there; without it they are skipped
	@$(BIN)/python -m anchoring.drill.anvil

clean:  ## remove environments, caches and the demonstration's state
	rm -rf $(VENV) $(VENV)-bench var .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

# Each stamp says that its requirements are installed as they stand.
$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.runtime

$(VENV)/.bench: requirements-bench.txt requirements-dev.txt | $(VENV)/.dev
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -r requirements-bench.txt
	@touch $@
