# Two commands matter: `make demo` and `make test`. Both start from a bare Debian or Ubuntu machine, see README.md.
PYTHON ?= python3
BED := $(PYTHON) -m tests.testbed
GATE := .venv/bin/python -m tests.ci

.DEFAULT_GOAL := help
.PHONY: help demo test lint sanity unit molecule fleet bench env up down status clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## run the daily check on demo hosts; FAULT=name breaks something first and mends it afterwards
	@$(BED) demo $(if $(FAULT),--fault '$(FAULT)')

test: env ## everything that has to pass; LAST=1 runs only what failed in the run before
	@$(GATE) $(if $(LAST),--last)

lint sanity unit fleet molecule: env
	@$(GATE) $@ $(if $(LAST),--last)

lint: ## style, types, Ansible rules, changelog
sanity: ## ansible-test sanity
unit: ## pytest: unit and contract tests
fleet: ## real hosts of which seven are silent
molecule: ## every scenario on the test hosts

bench: env ## what a run costs beside other ways of looking; writes build/bench.json and docs/benchmarks.md
	@.venv/bin/python -m tests.benchmark

env: ## the Python environment in .venv
	@$(BED) environment

up: ## start the demo hosts
	@$(BED) up demo

down: ## remove the demo hosts and all hosts of tests
	@$(BED) down demo
	@$(BED) down test
	@$(BED) down twin
	@$(BED) down fleet
	@$(BED) down seed

status: ## what runs
	@$(BED) status

clean: ## remove hosts, images, networks, the environment, and an engine that was started here
	@$(BED) clean
