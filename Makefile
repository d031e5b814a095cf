# dothi: `make demo` shows a city, `make test` proves it. Both work as the first command on a fresh machine.

PYTHON ?= python3.11
PORT   ?= 8090
VENV   := .venv
BIN    := $(VENV)/bin
STATIC := src/dothi/web/static/index.html
WEB    := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
PIP    := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help demo install test check soak bench conformance build lock docs clean system

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## start the operations centre with the demo city on http://127.0.0.1:8090
	$(BIN)/dothi demo --port $(PORT)

install: $(VENV)/installed $(STATIC) ## prepare everything that `demo` needs, without starting

test: $(VENV)/installed-dev $(STATIC) system check ## install what the tests need and run all of them
	$(BIN)/pytest -n 2 --dist loadfile -q --ignore tests/browser
	$(BIN)/pytest -n 2 -q tests/browser

check: $(VENV)/installed-dev $(STATIC) ## formatting, types, floors, the app's types and unit tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix web run --silent check
	npm --prefix web run --silent test

soak: $(VENV)/installed-dev $(STATIC) system ## slow proofs: 20 crashes, 2,000 MQTT devices for a minute
	$(BIN)/pytest -q -m soak

bench: $(VENV)/installed-dev ## measure, against nginx and InfluxDB where they are installed
	$(BIN)/python -m bench

conformance: $(VENV)/installed-dev system ## run the public NGSI-LD test suite: SUITE=its clone
	$(BIN)/python -m conformance --suite "$(SUITE)" $(if $(RUNNER),--runner "$(RUNNER)")

build: $(VENV)/installed-dev $(STATIC) ## wheel and sdist in dist/
	$(BIN)/python -m build --no-isolation

lock: $(VENV)/installed-dev ## write the lock files anew from pyproject.toml
	$(BIN)/uv pip compile -q --no-emit-index-url --generate-hashes --python-version 3.11 \
		--group build pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --no-emit-index-url --generate-hashes --python-version 3.11 \
		--group build --group dev pyproject.toml -o requirements-dev.lock

system: ## the system packages of the tests: chromium and mosquitto
	@sh .ci/system chromium mosquitto mosquitto-clients fonts-noto-core

docs: $(VENV)/installed ## write the reference pages that are made from the code
	$(BIN)/python docs/generate.py

clean: ## remove what was built
	rm -rf $(VENV) web/node_modules src/dothi/web/static dist

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)

$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/installed $@

web/node_modules/.package-lock.json: web/package-lock.json
	npm --prefix web ci --no-audit --no-fund --loglevel=error

$(STATIC): web/node_modules/.package-lock.json $(WEB)
	npm --prefix web run --silent build
	@touch $@
