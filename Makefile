# On a fresh machine with Python 3.11, 3.12 or 3.13, `make run` and `make test` do all set-up themselves.
.DELETE_ON_ERROR:
.PHONY: run test test-slow chaos mutation setup lock bench vega clean

BIN := .venv/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)

# A process takes up to 3.5 GB, so more than four are not started whatever the machine.
CORES := -n auto --maxprocesses 4 --dist worksteal

run: setup
	$(BIN)/reglab run weight_penalty

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(CORES) -m "not slow"

test-slow: setup
	$(BIN)/python -m pytest $(CORES) -m slow --timeout 3600

# Kills the drivers and the workers of sweeps 200 times, and compares what is left with sweeps that nothing interrupted.
# One that was stopped goes on; without build/chaos.log it begins anew.
chaos: setup
	$(BIN)/python -m tests.chaos --kills 200 --log build/chaos.log

# Bundles the script that draws the charts of the pages anew, after another version of vl-convert.
vega: setup
	$(BIN)/python -m lab.pages.assets

# Plants small faults where numbers, identities and files are made, and says how many the tests notice, room by room:
# `make mutation SAMPLE=20` minutes a room, ROOM=lab.results one room only, SEED=3 another sample; without SAMPLE hours.
# Why some are not noticed: tests/mutation_survivors.md.
mutation: setup
	$(BIN)/python -m tests.mutation $(if $(ROOM),--room $(ROOM)) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))

bench: setup
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.checkpoints
	$(BIN)/python -m benchmarks.workers

setup: .venv/done

# Byte code is compiled at install (pip does): without it every start costs seconds more.
.venv/done: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "The lab needs Python 3.11, 3.12 or 3.13 with venv and pip; none was found. Install one (on Debian: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Resolves for all the Pythons and systems the lab runs on; the lab itself is not in it.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements.lock pyproject.toml
	rm -rf .venv-lock

clean:
	rm -rf .venv build mutants *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
