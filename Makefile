# Two commands do everything, set-up included: `make repro` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stages are started as `python -m stages.NAME`: the environment's Python comes first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup repro test test-all lint clean-probes

help:
	@echo "make repro     build everything: data, probes, meta-model, choice, training, report"
	@echo "make test      run the tests (under ten minutes on two cores)"
	@echo "make test-all  run the long ones, too"
	@echo "make lint      check style"
	@echo "make clean-probes  delete stored probes of all experiments (LLP_STORE, by default ~/.cache/llp)"

setup: $(VENV)/installed

$(VENV)/installed: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	touch $@

repro: setup
	$(BIN)/dvc repro
	@$(BIN)/python -m stages.summary

test: setup
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope -m "not slow"

test-all: setup
	$(BIN)/python -m pytest --numprocesses auto --dist loadscope

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean-probes:
	rm -rf "$${LLP_STORE:-$$HOME/.cache/llp/probes}"
