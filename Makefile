# Two commands matter: `make demo` and `make test`. Both set up what they need first.
PYTHON ?= python3
SECONDS ?=
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-long test-rollouts check bench pace crash-campaign power-cut-campaign planted-faults real format clean

demo: .venv/ready  ## three simulated stations, their server and its page (no torch); SECONDS=60 ends by itself
	@.venv/bin/python -m beltmark.demo $(if $(SECONDS),--seconds $(SECONDS))

PYTEST = OMP_NUM_THREADS=1 NO_ALBUMENTATIONS_UPDATE=1 .venv-dev/bin/python -m pytest -n 2 --dist loadgroup
test: .venv-dev/ready studio  ## every test but the long ones
	@$(PYTEST) -m "not long and not thousand"

test-long: .venv-dev/ready studio  ## ten minutes: longer belts, outages and kills
	@$(PYTEST) -m long

test-rollouts: .venv-dev/ready  ## ten minutes: rollouts on a thousand made-up stations
	@$(PYTEST) -m thousand tests/e2e

check: .venv-dev/ready  ## style, types, and who may import whom
	.venv-dev/bin/ruff check .
	.venv-dev/bin/ruff format --check .
	.venv-dev/bin/mypy
	.venv-dev/bin/lint-imports

bench: .venv-dev/ready  ## speed and memory of the station, into docs/bench.md; REFERENCE=DIR: the fp32 package
	.venv-dev/bin/python -m bench.station --write docs/bench.md $(if $(REFERENCE),--reference $(REFERENCE))

pace: .venv-dev/ready  ## twenty minutes: from item to first byte at the printer, highest pace, into docs/pace.md
	.venv-dev/bin/python -m bench.pace --write docs/pace.md

KILLS ?= 1000
SEED ?= 1
crash-campaign: .venv-dev/ready  ## kills stations KILLS=1000 times (SEED=1), into docs/crash-campaign.md; fails if a label is wrong
	@.venv-dev/bin/python -m bench.crash --kills $(KILLS) --seed $(SEED) --write docs/crash-campaign.md

power-cut-campaign: .venv-dev/ready  ## likewise, and each kill also loses what was not synced, into docs/power-cut-campaign.md
	@.venv-dev/bin/python -m bench.crash --kills $(KILLS) --seed $(SEED) --power-cut --write docs/power-cut-campaign.md

planted-faults: .venv-dev/ready  ## ten minutes: plants faults in real photographs, into docs/data-checks.md
	.venv-dev/bin/python -m bench.planted_faults ../shared/data/shelf/annotations.json --write docs/data-checks.md

REAL = ../shared/data/belt/annotations.json
real: .venv-dev/ready  ## half an hour: train on real frames, then run the agent over their sequences
	.venv-dev/bin/beltmark-train run training/recipes/belt.toml --out runs/belt
	.venv-dev/bin/python -m bench.real_sequences runs/belt/package $(REAL)

format: .venv-dev/ready
	.venv-dev/bin/ruff check --fix .
	.venv-dev/bin/ruff format .

.venv/ready: pyproject.toml constraints.txt
	@echo "setting up .venv (about a minute, once)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python $(PIP_INSTALL) --editable '.[edge,fleet,simulation]'
	@touch $@

.venv-dev/ready: pyproject.toml constraints.txt
	@echo "setting up .venv-dev with torch (a few minutes, once)"
	@$(PYTHON) -m venv .venv-dev
	@.venv-dev/bin/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

# Label Studio for the tests, with an empty database: without a network they skip what needs it.
.PHONY: studio
studio:
	@$(MAKE) --no-print-directory .venv-studio/ready || echo "no Label Studio: its tests will skip"

.venv-studio/ready: labeling/studio/requirements.txt
	@echo "setting up .venv-studio with Label Studio (a few minutes, once)"
	@$(PYTHON) -m venv .venv-studio
	@.venv-studio/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@rm -rf .venv-studio/empty
	@.venv-studio/bin/label-studio version --data-dir .venv-studio/empty > .venv-studio/log 2>&1
	@sha256sum $< | cut -c 1-64 > $@  # so that `studio up --environment .venv-studio` takes it

clean:
	rm -rf .venv .venv-dev .venv-studio .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
