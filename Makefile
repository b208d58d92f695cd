# `make` lists the targets. Everything is installed into .venv; nothing outside this folder is touched.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

PORT ?= 8000
HOST ?= 127.0.0.1

.DEFAULT_GOAL := help
.PHONY: help serve test test-all check format lint types layers coverage bench bench-quick lock openapi train report up down clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: .venv/.service ## serve the models in models/ on PORT (8000)
	@CONVSERVE_HOST=$(HOST) CONVSERVE_PORT=$(PORT) exec $(BIN)/python -m service

test: .venv/.all ## run every test that ends in minutes
	$(BIN)/pytest -q tests/service/api $(ARGS)  # in one process: its last test looks at what all others have seen
	$(BIN)/pytest -n logical -m "not native_size" --ignore=tests/service/api $(ARGS)

test-all: .venv/.all ## run every test, networks at their published size included
	$(BIN)/pytest -n logical $(ARGS)

check: format lint types layers test ## what CI runs: format, lint, types, layers, then the tests

format: .venv/.all ## check the formatting (ruff format . mends it)
	$(BIN)/ruff format --check .

lint: .venv/.all ## look for likely mistakes
	$(BIN)/ruff check .

types: .venv/.all ## check the types
	$(BIN)/mypy

layers: .venv/.all ## check who imports whom
	$(BIN)/lint-imports

coverage: .venv/.all ## run the tests and show which branches of the service they miss
	$(BIN)/pytest -m "not native_size" --cov=service --cov-branch --cov-report=term-missing $(ARGS)

bench: .venv/.all ## compare with the machine's limit and with other servers: an hour, needs wrk
	$(BIN)/python -m tests.benchmarks.serving $(ARGS)

bench-quick: .venv/.all ## compare with the machine's limit alone: a minute, needs wrk
	$(BIN)/python -m tests.benchmarks.serving --quick $(ARGS)

train: .venv/.all ## train a recipe, evaluate it and publish it into models/ (RECIPE=fashion-lenet5 DATA=path/to/pictures)
	$(BIN)/python -m training train $(or $(RECIPE),fashion-lenet5) $(if $(DATA),--data "$(DATA)") $(ARGS)

report: .venv/.all ## put a published model to the test and write a report with pictures (MODEL=photos)
	$(BIN)/python -m training evaluate models/$(or $(MODEL),photos) $(if $(DATA),--data "$(DATA)") $(ARGS)

up: ## build and start service, Prometheus and Grafana
	docker compose up --build --detach --wait

down: ## stop them; their data stays
	docker compose down

openapi: .venv/.service ## write the OpenAPI document anew: after a change of the API that is meant
	$(BIN)/python -m service openapi > service/api/openapi.json.new
	@mv service/api/openapi.json.new service/api/openapi.json

lock: .venv/.all ## pin and hash the requirements anew
	PATH=$(CURDIR)/$(BIN):$$PATH bash requirements/lock.sh

clean: ## remove the environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv .venv

# Each list is hashed and complete, so pip resolves nothing; torch comes first and without a hash, see requirements/lock.sh.
.venv/.service: requirements/service.txt | .venv/bin/python
	$(PIP) --no-deps --require-hashes -r requirements/service.txt
	@touch $@

.venv/.all: .venv/.service requirements/torch.txt requirements/training.txt requirements/dev.txt
	$(PIP) -r requirements/torch.txt
	$(PIP) --no-deps --require-hashes -r requirements/training.txt -r requirements/dev.txt
	@touch $@
