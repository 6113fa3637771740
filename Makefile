# One list of what can be done here. Needs make, git and Python 3.11 to 3.13; everything else goes into .venv.
# `make PYTHON=python3.12 …` builds with another Python.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install

.PHONY: demo test check bench lock clean
.DEFAULT_GOAL := test

demo: .venv/demo.stamp ## A year of flights, rehearsed with faults; the report is demo/report.html
	@$(BIN)/python -m compileall -q src
	@test -f demo/trivium.toml || $(BIN)/trivium init demo --template flights
	$(BIN)/trivium --project demo rehearse --name year --faults standard --seed 0 --report demo/report.html

test: check ## Everything that holds the system: lint, types, layers, then the tests
	@bash tools/postgresql.sh
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/dev.stamp ## Lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.stamp ## Every benchmark; `make bench-NAME` runs benchmarks/NAME.py alone
	@for file in benchmarks/*.py; do test ! -f "$$file" || $(BIN)/python "$$file" || exit 1; done

bench-%: .venv/dev.stamp
	$(BIN)/python benchmarks/$*.py

# The stamps are the memory of what is installed: nothing is done again until a lock or pyproject.toml changes.
.venv/demo.stamp: requirements/build.lock requirements/demo.lock pyproject.toml tools/make_venv.sh
	@bash tools/make_venv.sh $(PYTHON)
	@echo "installing what requirements/demo.lock names"
	@$(PIP) --require-hashes -r requirements/build.lock
	@$(PIP) --require-hashes --no-build-isolation --use-pep517 -r requirements/demo.lock
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(PIP) --no-deps --no-build-isolation -e .  # its backend looks for itself on PATH
	@touch $@

.venv/dev.stamp: .venv/demo.stamp requirements/dev.lock
	@echo "installing what requirements/dev.lock names"
	@$(PIP) --require-hashes --no-build-isolation --use-pep517 -r requirements/dev.lock
	@touch $@

lock: ## Resolve pyproject.toml anew; needs uv
	uv pip compile $(LOCK_FLAGS) --group build -o requirements/build.lock
	uv pip compile $(LOCK_FLAGS) --extra demo pyproject.toml -o requirements/demo.lock
	uv pip compile $(LOCK_FLAGS) --extra demo --extra postgres --extra otel --group dev -c requirements/demo.lock pyproject.toml -o requirements/dev.lock

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

clean: ## Remove what was built, and the demo
	rm -rf .venv demo dist
