# Every target does its own set-up; `make` alone lists them. Works with GNU make 3.81 and newer.

BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input install --quiet --quiet --no-user
LOCKS := requirements-build.lock requirements.lock requirements-dev.lock
TOOLS := $(subst .venv,.venv-tools,$(BIN))/python

# The first Python that is new enough; `make PYTHON=/path/to/python …` names another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

# Tests that may be skipped where `make check` runs; .ci/run installs all the tools that they need.
MAX_SKIPS ?= 0

# Whole runs use all cores, a few at most. One file of tests stays in one process: what it makes once is made once. The
# files keep their order, in which the quick ones come last and leave no core waiting. What hangs ends its process, which is
# begun anew twice at most.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

.PHONY: help run demo test check lint types imports docs translations pictures prove mutate bench build wheels sbom audit \
	lock clean

help:
	@echo "make run      open the screens, or run a command (ARGS=\"case list\")"
	@echo "make demo     walk the whole way between two vaults (FILES=\"photo.jpg 'my film (1).mp4'\" takes your own files)"
	@echo "make test     run the tests (ARGS=\"-k name\" is handed to pytest, which then runs in one process)"
	@echo "make check    everything that CI runs: lint, types, imports, documents, tests"
	@echo "make prove    the long proofs: kill, power loss, forensics, hostile input"
	@echo "make mutate   how many small faults in the core the tests notice; goes on where it was stopped"
	@echo "make bench    our figures beside those of other programs, on the same input"
	@echo "make translations   bring the catalogues of the screens up to date"
	@echo "make pictures make the pictures of the guides anew from the program"
	@echo "make build    the wheel and the source distribution of the last commit, the same bytes each time"
	@echo "make wheels   a folder from which the program installs without a network, for this system"
	@echo "make sbom     the bill of materials, as CycloneDX"
	@echo "make audit    ask whether a weakness is known in anything of the locks (needs the network)"
	@echo "make lock     export the locks from pyproject.toml anew (needs uv)"
	@echo "make clean    remove what the other targets made"

run: .venv/runtime
	@$(BIN)/evault $(ARGS)

demo: .venv/runtime
	@$(BIN)/evault demo $(FILES)

test: .venv/dev
	$(PY) -m pytest $(if $(ARGS),$(ARGS),$(PARALLEL))

check: lint types imports
	$(PY) -m pytest $(PARALLEL) --max-skips=$(MAX_SKIPS) $(if $(WITHOUT),--without=$(WITHOUT)) $(ARGS)

lint: .venv/dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/dev
	$(PY) -m mypy

imports: .venv/dev
	$(BIN)/lint-imports --no-logo

docs: .venv/dev
	$(PY) -m pytest tests/unit/test_docs.py

translations: .venv/dev
	@$(PY) -m tests.translations

pictures: .venv/dev
	$(PY) -P tests/screens/pictures.py docs/pictures

prove: .venv/dev .venv/fuzz .venv-tools/packages wheels
	$(PY) -m pytest -m prove -n auto --maxprocesses 4 --dist worksteal -o faulthandler_timeout=10800 $(ARGS)

mutate: .venv/dev
	$(PY) -m tests.proofs.mutation.run $(ARGS)

bench: .venv/dev
	$(PY) tests/bench/run.py $(ARGS)

build: .venv/dev
	@$(PY) -m release.build

wheels: .venv/dev
	@$(PY) -m release.wheels

sbom: .venv/dev .venv-tools/packages
	@$(PY) -m release.sbom
	@$(TOOLS) release/check_sbom.py dist/sbom.cdx.json

audit: .venv-tools/packages
	@$(TOOLS) release/audit.py

lock:
	@.ci/lock

clean:
	rm -rf .venv .venv-tools build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf tests/interop/node/node_modules
	find vault tui tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up -----------------------------------------------------------------------------------------------------------
# .venv is made anew whenever a lock changes, so that it never holds more than the locks say. pip reads the machine's own
# configuration; nothing here names a place to download from, and every file must have the hash that the lock states.
# An environment that was moved, or whose Python has gone, is made anew as well.

ifneq ($(wildcard .venv),)
ifneq ($(shell cat .venv/place 2>/dev/null)$(if $(wildcard $(PY)*),,gone),$(CURDIR))
.PHONY: .venv/packages
endif
endif

.venv/packages: $(LOCKS)
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python here lacks venv: install the system package python3-venv (Debian, Ubuntu: apt install python3-venv), then run make again."; \
		exit 1; }
	@echo "Setting up .venv (once; about half a minute) ..."
	@"$(PYTHON)" -m venv --clear .venv
	@$(PIP) --require-hashes --no-deps --only-binary :all: -r requirements-build.lock
	@$(PIP) --require-hashes --no-deps --only-binary :all: -r requirements.lock
	@printf '%s\n' "$(CURDIR)" > .venv/place
	@touch $@

.venv/runtime: .venv/packages pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(PY) -m compileall -q vault tui
	@touch $@

# bagit comes as source only: it is built with the build tools of requirements-build.lock.
.venv/dev: .venv/runtime
	@echo "Adding the tools of the tests ..."
	@$(PIP) --require-hashes --no-deps --only-binary :all: --no-binary bagit --no-build-isolation -r requirements-dev.lock
	@touch $@

# What looks at the parts of the program stays apart from what the program runs on.
.venv-tools/packages: requirements-tools.lock | .venv/packages
	@echo "Adding the tools of the supply chain ..."
	@"$(PYTHON)" -m venv --clear .venv-tools
	@$(TOOLS) -m pip --disable-pip-version-check --no-input install --quiet --quiet --no-user \
		--require-hashes --no-deps --only-binary :all: -r requirements-tools.lock
	@touch $@

# What fuzzes with coverage exists for some systems only; where it cannot be had, those proofs are skipped and say so.
.venv/fuzz: .venv/dev tests/proofs/hostile/requirements-fuzz.lock
	@$(PIP) --require-hashes --no-deps --only-binary :all: -r tests/proofs/hostile/requirements-fuzz.lock || \
		echo "atheris cannot be had here: the proofs that fuzz with coverage are skipped" >&2
	@touch $@
