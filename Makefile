# The course in two commands: `make book` and `make test`. Everything they need, they install into .venv.
PYTHON ?= python3
VENV   ?= .venv
PORT   ?= 8000
BIN    := $(VENV)/bin
# Linux takes the CPU build of torch. For the default (CUDA) build: make setup TORCH_INDEX=default
export TORCH_INDEX

# What `make unit` runs: the folders whose tests call functions in this process.
UNIT := $(addprefix tests/,adaptation capstone data figures generation model objectives parity prompting serve tasks tokenizers training weights) \
        $(wildcard tests/test_*.py) tests/exercises/answers tests/exercises/progress

# Two threads that spin while they wait are many times slower on a busy machine than two that sleep.
export OMP_WAIT_POLICY ?= PASSIVE
unit: export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM ?= false
# Read modules are kept as Python keeps them, also where somebody's shell says otherwise: `make test`
# starts Python hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help python setup book serve pdf zip lab notebooks test unit lint browser firefox binder-check bench lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1@\2/' | column -t -s@

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "make: Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1)."; \
	  echo "Install a newer one and name it: make book PYTHON=python3.12"; exit 1; } >&2

setup: python  ## the environment, as the lock says (book and test call it themselves)
	@$(PYTHON) book/_tools/setup.py --venv $(VENV) --extras book,test

book: setup  ## run every notebook, build the site, say where it is
	@$(BIN)/python -m book._tools.build

serve: book  ## the site on localhost (PORT=8000)
	@$(BIN)/python -m book._tools.serve --port $(PORT)

pdf: book  ## the book as one PDF, tagged and outlined (minutes)
	@$(BIN)/python -m book._tools.pdf

zip: book  ## the site as one file, with a server of one line
	@$(BIN)/python -m book._tools.take_along

lab: python  ## the notebooks in JupyterLab
	@$(PYTHON) book/_tools/setup.py --venv $(VENV) --extras book,test,dev
	@$(BIN)/python -m book._tools.notebooks generate
	@$(BIN)/jupyter lab --notebook-dir=notebooks

notebooks: setup  ## notebooks/*.ipynb anew from book/*.md, with the text outputs of a fresh run
	@$(BIN)/python -m book._tools.notebooks refresh

test: setup  ## lint, types, tests, every notebook, the built pages in a browser
	@$(BIN)/python -m book._tools.check

unit: setup  ## the tests of plain functions: no browser, no notebook, no process
	@$(BIN)/python -m pytest -q -n 2 --dist loadscope --unit -m "not slow and not gpu and not processes" $(UNIT)

lint: setup  ## ruff, mypy, codespell, docstrings, layout of scripts
	@$(BIN)/python -m pytest -q tests/house/test_lint.py

browser: setup  ## find or get the Chromium that the page tests use
	@$(BIN)/python -m book._tools.browser

firefox: book  ## widgets and every page in Firefox (FIREFOX=/path/to/firefox)
	@$(BIN)/python -m book._tools.browser firefox
	@COURSE_BROWSER=firefox $(BIN)/python -m pytest -q tests/book/test_firefox.py

binder-check: setup  ## the notebooks in a fresh environment of just what environment.yml names
	@$(BIN)/python -m book._tools.binder

bench: setup  ## ratios against peers, for the page "How good is it?" (many minutes; wants a quiet machine)
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done
	@echo "The figures of book/how_good.md are new; make book shows them."

lock: python  ## requirements.lock anew from what is installed
	@$(PYTHON) book/_tools/setup.py --venv $(VENV) --extras book,test,dev
	@$(BIN)/python -m book._tools.lock

clean:  ## remove what was built; the environment stays
	rm -rf _build
