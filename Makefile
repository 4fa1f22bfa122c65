# The only commands anyone has to know. `make demo` and `make test` set everything up themselves.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help lacking install demo test check burst bench soak format lock clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "sellthrough needs Python 3.11 or newer, and there is no $(PYTHON) on this machine."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "sellthrough needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V`. Say: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements.lock (once; a minute or two without a package cache)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## make .venv and install from the lock file

demo: install ## watch a county's egg sale: service, replay, overlay, console (HEADLESS=1: run, check, report, exit; SPEED=60)
	@$(BIN)/sellthrough demo $(if $(HEADLESS),--headless) $(if $(SPEED),--speed $(SPEED))

test: lacking install ## the whole suite, against a real Valkey and a real Chromium
	@$(BIN)/python -m pytest -q -m "not soak" $(PYTEST_ARGS)

lacking:
	@.ci/lacking

check: install ## ruff, mypy --strict, import rules, lock file current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python tests/lock_is_current.py

burst: install ## rush one pool with Locust and compare every answer with the books
	@$(BIN)/python -m loadtest.burst --start $(BURST_ARGS)

bench: install ## measure against the yardsticks of the same run
	@$(BIN)/sellthrough bench all

soak: install ## the long runs: crashes, state machines, hours of nothing lost
	@$(BIN)/python -m pytest -q -m soak --timeout 7200 $(PYTEST_ARGS)

format: install ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: install ## resolve pyproject.toml into requirements.lock again
	@$(BIN)/python tests/lock_is_current.py --write

clean: ## remove what these commands made
	rm -rf .venv data build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
