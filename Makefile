# The one list of commands. Each creates .venv and installs into it if that is still to be done.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PY := $(BIN)/python
PORT ?= 8888

# The first Python that is new enough, unless PYTHON names one.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python,$(shell \
	$(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lab docs preview notebooks export readme check lint types bench clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## store four photographs and recall them from damaged copies
	@$(PY) tools/demo.py

test: $(READY) lint types ## run every test: lint, types, chapters, tests
	nbdev_test --n_workers 2 --timing
	$(PY) -m pytest -n 2 --dist loadfile

lab: $(READY) ## open the chapters in JupyterLab
	$(PY) -m jupyterlab --notebook-dir=nbs --port=$(PORT)

docs: $(READY) ## build the website into _docs
	$(PY) tools/site.py build

preview: $(READY) ## build the website and serve it
	$(PY) tools/site.py serve

notebooks: $(READY) ## run every chapter again in place, and clean it
	$(PY) tools/notebooks.py export
	$(PY) tools/notebooks.py execute
	$(PY) tools/readme.py

export: $(READY) ## make canns/ and README.md from the chapters
	$(PY) tools/notebooks.py clean
	$(PY) tools/notebooks.py export
	$(PY) tools/readme.py

readme: $(READY) ## make README.md from nbs/index.ipynb
	$(PY) tools/readme.py

check: $(READY) ## compare chapters, modules and README.md
	$(PY) tools/notebooks.py check
	$(PY) tools/readme.py --check

lint: $(READY) ## look for mistakes in the style of the code
	$(PY) -m ruff format --check --quiet .
	$(PY) -m ruff check --quiet .

types: $(READY) ## check the types of the library, and of a script that uses it
	$(PY) -m mypy
	$(PY) -m mypy --strict --follow-imports=silent tests/programs/typed_user.py

bench: $(READY) ## measure speed and memory (PEERS=1: beside canns 1.5.0)
	PEERS=$(PEERS) $(PY) -m tests.bench

clean: ## delete whatever these commands made, .venv too
	rm -rf $(VENV) _demo _docs _proc build dist *.egg-info .mypy_cache .pytest_cache \
	  .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): settings.ini setup.py pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || test -x $(PY) || \
	  { echo "canns needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(PY) || "$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or \
	  sys.exit("canns needs Python 3.11 or newer; $(PYTHON) is " + sys.version.split()[0])'
	@test -x $(PY) || "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "Installing what canns needs into $(VENV) (once; a few minutes) ..."
	@$(PY) -m pip install --quiet --constraint constraints.txt setuptools
	@$(PY) -m pip install --quiet --no-build-isolation --constraint constraints.txt --editable '.[dev]'
	@touch $@
