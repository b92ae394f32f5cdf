# SPDX-License-Identifier: Apache-2.0
#
# Every target does all its set-up: a virtual environment in $(VENV) with the packages of requirements.lock.
# Needs Python 3.11 to 3.13, g++, make and perl. Nothing outside this folder is changed (pip's cache aside).
#
#   make demo      the main job: the trained student becomes verified hardware, in build/demo
#   make test      linters aside, all tests that take seconds
#   make test-gate those that take longer and that a change must pass too
#   make test-all  all, those that take minutes included
#   make lint      ruff, the layers by import-linter, mypy --strict, Verilator -Wall on every cell alone
#   make bench     the figures of the README, measured on this machine
#   make docs      the parts of docs/ that follow from the code, written afresh
#   make site      the documentation as a site, in build/site; its notebooks are run
#   make lock      resolve the dependencies afresh into requirements.lock
#   make clean     remove everything generated; the environment stays

VENV ?= .venv
# Further arguments of the demo, such as DEMO="--samples 24".
DEMO ?=
JOBS ?= 2
BIN  := $(VENV)/bin
READY := $(VENV)/rtl4ml.ready

# What may be used again (compiled simulation runtime, synthesized cells) stays in this folder too.
export RTL4ML_CACHE ?= $(CURDIR)/build/cache

.PHONY: demo test test-gate test-all lint bench docs site lock clean
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/rtl4ml demo --out build/demo $(DEMO)

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not gate"

test-gate: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) -m "gate and not slow"

test-all: $(READY)
	$(BIN)/python -m pytest -n $(JOBS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --cache-dir build/import_linter
	$(BIN)/mypy
	$(BIN)/python scripts/lint_rtl.py

bench: $(READY)
	$(BIN)/python scripts/bench.py

docs: $(READY)
	$(BIN)/python scripts/document.py

site: $(READY)
	RTL4ML_SITE_EXECUTE=true NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

lock: $(READY)
	$(BIN)/python scripts/lock.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find rtl hls boards models sim src tests scripts -name __pycache__ -prune -exec rm -rf {} +

# The installation maps folders by an import hook, which type checkers do not ask: rtl4ml_src.pth shows them src/.
# The stamp is written last: an installation that was interrupted is done again, a finished one is not repeated.
$(READY): requirements.lock pyproject.toml
	@set -e; \
	if ! test -x $(BIN)/pip; then \
	  for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	      found=$$python; break; \
	    fi; \
	  done; \
	  if test -z "$$found"; then \
	    echo "rtl4ml: Python must be 3.11 to 3.13, none is in PATH; install one or run make PYTHON=/path/to/python3.11" >&2; \
	    exit 2; \
	  fi; \
	  echo "rtl4ml: creating $(VENV) with $$found"; \
	  if ! $$found -m venv $(VENV); then rm -rf $(VENV); exit 2; fi; \
	fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@$(BIN)/python -c "import site; open(site.getsitepackages()[0] + '/rtl4ml_src.pth', 'w').write('$(CURDIR)/src\n')"
	@touch $@
