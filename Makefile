# Targets are thin: each is one command that can be typed without make. `make help` lists them.
#
#   make cosim BENCH=mnist_fnn     the main job
#   make test                      the tests
#
# ARGS reaches the command behind a target: make cosim BENCH=autompg ARGS="--json".

SHELL := /bin/bash
VENV ?= .venv
BENCH ?= mnist_fnn
ARGS ?=
PYTHON := $(VENV)/bin/python
NETSURF := $(PYTHON) -m netsurf
STAMP := $(VENV)/.netsurf-setup

.DEFAULT_GOAL := help
.PHONY: help setup doctor train cosim exhaustive golden inject peers graphs test slow lint check lock clean

help: ## List the targets.
	@echo 'make TARGET [BENCH=$(BENCH)] [ARGS="..."]'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv from the hashed lock, and install missing system packages.

$(STAMP): setup.sh locks/py311.txt locks/uv.txt pyproject.toml
	@./setup.sh $(VENV)
	@touch $@

doctor: setup ## Say what is installed and try each simulator.
	@$(NETSURF) doctor $(ARGS)

train: setup ## Train BENCH again: model, network and golden numbers.
	@$(NETSURF) train $(BENCH) $(ARGS)

cosim: setup ## Run the main job on BENCH: accelerator, faults in RTL, agreement certificate.
	@$(NETSURF) cosim $(BENCH) $(ARGS)

exhaustive: setup ## Upset every stored bit of BENCH in RTL, each where it shows.
	@$(NETSURF) cosim $(BENCH) --exhaustive $(ARGS)

inject: setup ## Upset every stored bit of BENCH in the fast injector, over the whole test split.
	@$(NETSURF) inject $(BENCH) --exhaustive $(ARGS)

golden: setup ## Draw the fixed fault list of BENCH and write its golden outcome counts.
	@$(NETSURF) golden $(BENCH) $(ARGS)

peers: setup ## Time other fault injectors beside NetSurf (installs: benchmarks/peers/README.md).
	@$(PYTHON) benchmarks/peers/run.py --benchmark $(BENCH) $(ARGS)

test: setup ## Run the tests; a missing simulator is a failure.
	@NETSURF_REQUIRE_TOOLS=1 $(PYTHON) -m pytest -m "not slow" -n 2 --dist loadfile --durations 10 $(ARGS)

graphs: setup ## Compare 500 drawn graphs of every layer kind in every engine; a stopped run goes on.
	@$(PYTHON) tests/many_graphs.py $(ARGS)

slow: setup ## Run the tests that take minutes.
	@NETSURF_REQUIRE_TOOLS=1 $(PYTHON) -m pytest -m slow $(ARGS)

lint: setup ## Check style, types and who imports whom.
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/mypy

check: lint test ## Run lint and test.

lock: setup ## Resolve locks/ again from pyproject.toml, keeping every version that still fits.
	@locks/update.sh $(VENV)

clean: ## Remove what was generated: build/ and caches, not .venv.
	@rm -rf build reports docs/_build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	@find netsurf tests sim -name __pycache__ -type d -prune -exec rm -rf {} +
