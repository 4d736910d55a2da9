# The sales portal. `make run` starts it, `make test` checks it; both set up what they need.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
SIZES ?= 10k,100k

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup setup-test run test lint check screens bench lock clean

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name words; do printf '  make %-11s %s\n' "$$name" "$$words"; done

setup: .venv/.run-set portal/static/vendor/.set ## Virtual environment and browser libraries, from the lock files
setup-test: setup .venv/.test-set .venv/.chromium-set

run: setup ## Start everything on http://127.0.0.1:8080 (PORT=… for another port); Ctrl-C stops it
	@exec $(BIN)/python -m portal up --with-parent

test: setup-test lint check ## Everything that must hold: lint, types, layers, tests on real services and a real browser

lint: .venv/.run-set .venv/.test-set ## Style, types, layers, templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet portal/templates

check: setup-test ## The tests alone (ARGS="-k claim" chooses)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

screens: setup-test ## Pictures of every page, both widths, themes and languages, into build/screens
	$(BIN)/python bin/screens.py

bench: setup ## Speed against the bare limit, into build/bench (SIZES=10k,100k,1M)
	$(BIN)/python -m bench $(SIZES)

lock: .venv/.test-set ## Choose the newest allowed versions again and write all lock files
	$(BIN)/python bin/lock.py

clean: ## Remove what was built and installed here; the data in .portal stays
	rm -rf .venv build node_modules portal/static/vendor portal/fonts .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	$(PYTHON) bin/make_venv.py .venv

.venv/.run-set: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

.venv/.test-set: requirements-dev.txt .venv/.run-set
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	@touch $@

node_modules/.set: package-lock.json package.json requirements-node.txt | .venv/bin/python
	$(BIN)/python bin/browser_parts.py install
	@touch $@

portal/static/vendor/.set: node_modules/.set portal/static/icons.txt bin/browser_parts.py
	$(BIN)/python bin/browser_parts.py copy
	@touch $@

.venv/.chromium-set: bin/chromium.py | .venv/bin/python
	$(BIN)/python bin/chromium.py
	@touch $@
