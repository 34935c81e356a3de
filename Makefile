# Every target that needs the environment makes it: on a fresh machine one command does all.
PYTHON ?= python3
PROFILE ?= default
BIN := .venv/bin
READY := .venv/.ready

# Threads belong to the worker processes of medtransfer (one each), not to the libraries below it.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup reproduce test quick lint report figures defences docs site dist lab lock audit clean-drafts

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv from the lock, hash by hash, and fetch the ImageNet weights

# pip resolves nothing, since the lock is whole, and compiles nothing, since it would on one core.
# Some packages hold templates with the ending of Python that cannot be compiled.
$(READY): requirements.txt pyproject.toml $(wildcard data_manifests/imagenet_*.yaml)
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "Python 3.11, 3.12 or 3.13 is needed, this is %d.%d; try: make PYTHON=python3.12" % v)'
	@echo 'Installing into .venv: about 5 minutes and 7 GB; docs/install.md has a smaller way.'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r requirements.txt
	@$(BIN)/python -m compileall -q -j 0 -x '/tests?/' .venv/lib > /dev/null 2>&1 || true
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m ipykernel install --sys-prefix --name python3 --display-name medtransfer > /dev/null
	$(BIN)/medtransfer weights
	@touch $@

figures: PROFILE = extended
figures: reproduce ## the committed figures: PNG and CSV of the extended profile into figures/
	mkdir -p figures
	rm -f figures/*.png figures/*.csv
	cp build/figures/$(PROFILE)/*.png build/figures/$(PROFILE)/*.csv figures/

defences: PROFILE = defences
defences: reproduce ## the committed figures of defences: those of the defences profile into figures/defences/
	mkdir -p figures/defences
	rm -f figures/defences/*
	cd build/figures/$(PROFILE) && cp 90_defences.* 90_gains.* ?5_knowledge.* ?5_distance.* $(CURDIR)/figures/defences/
	rm -f figures/defences/*.pdf

reproduce: setup ## compute the study, execute the notebooks, write the report [PROFILE=default]
	$(BIN)/medtransfer reproduce --profile $(PROFILE) < /dev/null

report: setup ## turn the executed notebooks into pages [PROFILE=default]
	$(BIN)/medtransfer report --profile $(PROFILE)

# The notebooks for any domain run one by one from an empty store, as a reader opens them; the others
# run as one study.
test: setup ## run the tests, and every notebook in the smoke profile [JOBS=one per core]
	$(SIDE_BY_SIDE) tests
	MEDTRANSFER_WORKERS=1 $(SIDE_BY_SIDE) --nbmake --nbmake-timeout=600 notebooks/own
	$(BIN)/medtransfer reproduce --profile smoke < /dev/null

quick: setup ## run the tests that take a second or two [JOBS=one per core]
	$(SIDE_BY_SIDE) -m "not slow" tests

# Most files stay in one process, with what their tests share; an idle one takes from the others.
SIDE_BY_SIDE = $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal
# `nproc` counts the cores that this process may use, unless OMP_NUM_THREADS says less.
JOBS ?= $(shell unset OMP_NUM_THREADS; nproc 2> /dev/null || getconf _NPROCESSORS_ONLN)

lint: setup ## check style, types, words, the direction of imports, and stripped notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/codespell --dictionary - --dictionary docs/words.txt
	$(BIN)/nbstripout --verify $(STRIP) notebooks/*.ipynb notebooks/own/*.ipynb

docs: setup ## write docs/fields.md from the schemas
	$(BIN)/python -m medtransfer.docs

site: setup ## build docs/ and the report as a site into build/site [PROFILE=default]; needs the internet
	SITE_PROFILE=$(PROFILE) $(BIN)/uv tool run --with mkdocs-material==9.8.1 mkdocs==1.6.1 build --strict

dist: setup ## build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build

STRIP := --extra-keys "metadata.papermill cell.metadata.papermill metadata.language_info.version"

lab: setup ## open JupyterLab with the right kernel
	$(BIN)/jupyter lab --notebook-dir=notebooks

lock: setup ## compile requirements.txt from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements.txt

audit: setup ## compare the lock with the known vulnerabilities; needs the internet
	$(BIN)/uv tool run pip-audit==2.10.1 --strict --require-hashes --disable-pip -r requirements.txt

clean-drafts: setup ## delete what killed runs left in the store
	$(BIN)/medtransfer clean-drafts
