# Everything a stranger needs stands in these targets; each does its own set-up.
PYTHON ?= python3
BIN := .venv/bin
AS_OF_DEMO := 2026-11-21T02:00:00Z
DEMO := build/demo
REAL := build/real
ROWS ?= 100000

.PHONY: help demo real test check bench bench-feeds soak mutants docs lock serve-smoke clean

help:  ## Show the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.venv/run: requirements.lock pyproject.toml
	@echo "setting up .venv (a minute on a first run)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/run requirements-dev.lock
	@echo "adding what tests and checks need"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

demo: .venv/run  ## Fourteen invented nights, as of one evening (DIRECT=1 skips Prefect).
	@$(BIN)/python -m sample_data.demo $(DEMO) --as-of $(AS_OF_DEMO) $(if $(DIRECT),--direct)

real: .venv/run  ## The MIMIC-IV demo, original or canonical: make real MIMIC=FOLDER
	@test -n "$(MIMIC)" || { echo "say where it lies: make real MIMIC=FOLDER (see README)"; exit 2; }
	@$(BIN)/python -m sample_data.real $(MIMIC) $(REAL) $(if $(AS_OF),--as-of $(AS_OF)) $(if $(DIRECT),--direct)

test: .venv/dev  ## The everyday tests, under five minutes.
	@$(BIN)/python -m pytest -q -m "not prefect and not soak and not long"

check: .venv/dev  ## Lint, types, all tests with branch coverage, stale docs: reports every failure.
	@$(BIN)/python -m docs.build --check; docs=$$?; \
	$(BIN)/ruff check . ; lint=$$?; \
	$(BIN)/ruff format --check . ; format=$$?; \
	$(BIN)/mypy; types=$$?; \
	$(BIN)/python -m pytest -q -m "not soak" --cov --cov-report=term; tests=$$?; \
	echo "docs $$docs, lint $$lint, format $$format, types $$types, tests $$tests"; \
	test "$$docs$$lint$$format$$types$$tests" = 00000

bench: .venv/dev  ## A first night beside a plain DuckDB read: make bench ROWS=10000000
	@$(BIN)/python -m benchmarks.nights --rows $(ROWS)

bench-feeds: .venv/dev  ## HL7 v2 and FHIR beside hl7 and fhir.resources: make bench-feeds ROWS=100000
	@$(BIN)/python -m benchmarks.feeds --rows $(ROWS)

soak: .venv/dev  ## Thousands of random nights against the oracle.
	@HYPOMAG_EXAMPLES=5000 $(BIN)/python -m pytest -q tests/oracle tests/spec tests/flows/test_explaining.py

.venv/mutants: .venv/dev requirements-mutants.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-mutants.lock
	@touch $@

mutants: .venv/mutants  ## Each comparison of the rules changed once; hours: make mutants MODULES="severity renal"
	@$(BIN)/python -m tests.mutants $(MODULES)

docs: .venv/dev  ## Write the generated pages.
	@$(BIN)/python -m docs.build

lock:  ## Renew both lock files (needs uv).
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header --extra build pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header --extra build --extra dev pyproject.toml \
	  -c requirements.lock -o requirements-dev.lock
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header --extra mutants pyproject.toml \
	  -c requirements-dev.lock -o requirements-mutants.lock

clean:  ## Remove what the other targets made.
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
