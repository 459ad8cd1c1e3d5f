PYTHON ?= python3
PIP_ARGS ?=
CONSTRAINTS ?= constraints.txt
OUT ?= demo

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BROWSING := $(VENV)/.browsing
PEERS := .venv-peers
GL_PACKAGES := libegl1 libgl1-mesa-dri
CHROMIUM_PACKAGES := chromium

.PHONY: help setup rendering browser demo test test-all lint docs web bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  variables: PYTHON=$(PYTHON)  PIP_ARGS='extra pip options'  CONSTRAINTS=$(CONSTRAINTS)  OUT=$(OUT)"

setup: $(INSTALLED)  ## create .venv and install the package, editable, with tested versions

$(INSTALLED): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another: make setup PYTHON=python3.12")'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Could not create $(VENV): this Python has no working venv module. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) $(PIP_ARGS) --editable '.[data,dev,video]'
	@touch $@

rendering: setup  ## make sure that pictures can be rendered without a display
	@$(BIN)/python -P -m landscape.viz.offscreen && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $(GL_PACKAGES)"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(GL_PACKAGES) >/dev/null; } || true; \
	  $(BIN)/python -P -m landscape.viz.offscreen && exit 0; \
	fi; \
	echo "3D pictures will be left out; everything else works. To have them: sudo apt-get install -y $(GL_PACKAGES)"

browser: $(BROWSING)  ## make sure that pages and notebooks can be tested
	@$(BIN)/python -P tests/browsing.py && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $(CHROMIUM_PACKAGES)"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(CHROMIUM_PACKAGES) >/dev/null; } || true; \
	  $(BIN)/python -P tests/browsing.py && exit 0; \
	fi; \
	echo "Tests in a browser will be skipped; all others run. To have them: sudo apt-get install -y $(CHROMIUM_PACKAGES)"

# Apart from the rest, because a demo needs none of it.
$(BROWSING): $(INSTALLED)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) $(PIP_ARGS) --editable '.[app,browser]'
	@touch $@

demo: rendering  ## train, sample and draw: the whole main job on scikit-learn's digits
	$(BIN)/landscape demo --out $(OUT)

# Compiled files are kept whatever the environment says: many tests start an interpreter.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -P -m pytest -q --numprocesses=auto --maxprocesses=4 --dist=worksteal

test: rendering browser  ## tests before a commit, a process for each core up to four; no network needed
	$(PYTEST) -m 'not long'

test-all: rendering browser  ## every test, also long ones: more kills, damage and full disks
	$(PYTEST)

lint: setup  ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: rendering  ## the gallery: every example in full, 15 minutes
	$(BIN)/python -P docs/make_gallery.py

web:  ## rebuild the viewer's bundle after a change in viz/web/src; needs npm
	cd viz/web && npm ci --no-audit --no-fund && npm run build

bench: setup $(PEERS)/.installed  ## speed against the published tools, side by side; up to 20 minutes
	$(BIN)/python -P -m benchmarks.evaluation --python $(PEERS)/bin/python

$(PEERS)/.installed: $(CONSTRAINTS)
	test -x $(PEERS)/bin/pip || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) $(PIP_ARGS) torch numpy tomli-w loss-landscapes==3.0.6 loss-landscape-3d==0.1.3
	@touch $@

clean:  ## remove the environment and caches, never a study
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
