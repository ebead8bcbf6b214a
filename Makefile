# Every target sets up what it needs; `make` alone lists them.
PYTHON ?= python3
ARCHIVE ?=
SOURCE ?= $(if $(ARCHIVE),cifar10,sample)
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PORT ?= 8000
P ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_ENV := BOOK_SOURCE=sample BOOK_DEVICE=$${BOOK_DEVICE:-cpu} OMP_NUM_THREADS=1 TQDM_DISABLE=1 PYTHONHASHSEED=0

.DEFAULT_GOAL := help
.PHONY: help book test test-parameters mutants page serve outputs bench panels screenshots clean

help:  ## list the targets
	@echo "Targets:"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 24
	@echo "Options: SOURCE=sample|cifar10|auto  ARCHIVE=path  JOBS=n  PYTHON=python3.12"

# visdom alone is built from source, with the tools of build-constraints.txt: old pips read the first of the variables,
# new ones the second. In one step with the others, the bound on setuptools would hold for the environment as well.
$(READY): requirements.txt build-constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is {v[0]}.{v[1]}. Set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=build-constraints.txt PIP_BUILD_CONSTRAINT=build-constraints.txt PIP_USE_PEP517=1 \
	  $(BIN)/python -m pip install --disable-pip-version-check -q --no-deps "$$(grep '^visdom' requirements.txt)"
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

book: $(READY)  ## execute every page and render the book
	@$(BIN)/python book/build.py --source "$(SOURCE)" --archive "$(ARCHIVE)" --jobs $(JOBS)

page: $(READY)  ## execute and render one page: P=chapters/1_data/01_cifar10_to_png
	@test -n "$(P)" || { echo "Say which page: make page P=chapters/1_data/01_cifar10_to_png"; exit 2; }
	@$(BIN)/python book/build.py --page "$(P)" --source "$(SOURCE)" --archive "$(ARCHIVE)" --jobs $(JOBS)

serve: book  ## build, then serve on 127.0.0.1: PORT=8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

test: $(READY)  ## unit tests, then every output of every page
	$(BIN)/ruff check .
	$(TEST_ENV) $(BIN)/python -m pytest -q -p tests.slowest -n $(JOBS) tests
	$(TEST_ENV) $(BIN)/python -m helpers.prepare --source sample
	$(TEST_ENV) $(BIN)/python -m pytest -q -p tests.slowest --nbval --nbval-current-env -n $(JOBS) --dist loadscope chapters

test-parameters: $(READY)  ## every page with other parameters; `make test` does it for a few
	$(TEST_ENV) $(BIN)/python -m helpers.prepare --source sample
	$(TEST_ENV) $(BIN)/python -m pytest -q -p tests.slowest -m every_page -n $(JOBS) tests/pages/test_execution.py

outputs: $(READY)  ## execute the pages and store their text outputs (P=page for one)
	$(BIN)/python book/store_outputs.py --jobs $(JOBS) $(P)

mutants: $(READY)  ## small defects in helpers: which test and which page notices each
	$(BIN)/python tests/mutants.py --record

bench: $(READY)  ## the speed ratios, as a table
	$(BIN)/python tests/benchmarks/run.py $(if $(ARCHIVE),--archive "$(ARCHIVE)")
	$(BIN)/python tests/benchmarks/training.py $(if $(ARCHIVE),--archive "$(ARCHIVE)")

panels: $(READY)  ## the pictures of TensorBoard and Visdom that pages show (needs Chromium and its driver)
	$(BIN)/python book/tensorboard_panels.py
	$(BIN)/python book/visdom_panel.py

screenshots: panels book  ## pictures of every page at 1280 and 390 px, and the panels
	$(BIN)/python book/screenshots.py

clean:  ## remove everything that was generated, but not data/ and .venv/
	rm -rf _build .pytest_cache .hypothesis .ruff_cache *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -type d -exec rm -rf {} +
