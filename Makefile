# redshop: everything that is done from the command line. Needs Python 3.11 or later, and make.
#
#   make run     a living system on this machine, with a population that lives in it
#   make demo    the same, without serving: prints the funnel and ends
#   make test    all tests          make check   what the machine can judge     make fix   let it repair
#   make up      serve what is there, without a population

PYTHON ?= python3
BIN := .venv/bin
CODE := config redshop notes orders tests manage.py
ARGS ?=
DAILY := not soak and not spark
WAITING := processes or browser

.DEFAULT_GOAL := run
.PHONY: run demo up test check audit fix openapi picture bench soak spark pyspark lock install chromium clean

run: install
	@exec $(BIN)/python manage.py run $(ARGS)

demo: install
	@$(BIN)/python manage.py demo $(ARGS)

up: install
	@exec $(BIN)/python manage.py up $(ARGS)

# Without ARGS in two halves at once, each with databases of its own: tests that wait for processes
# and browsers, and tests that compute.
test: install chromium
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else
	@folder=$$(mktemp -d) && chmod 755 $$folder && trap 'kill $$computing 2>/dev/null; rm -rf $$folder' EXIT; \
	$(BIN)/pytest --basetemp=$$folder/computing -m "$(DAILY) and not ($(WAITING))" \
		>$$folder/computing.log 2>&1 & computing=$$!; \
	$(BIN)/pytest --basetemp=$$folder/waiting -m "$(DAILY) and ($(WAITING))"; waiting=$$?; \
	wait $$computing; computed=$$?; cat $$folder/computing.log; exit $$((waiting + computed))
endif

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run
	@mkdir -p .redshop
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file .redshop/openapi.yml
	diff -u tests/openapi.yml .redshop/openapi.yml  # on purpose? then: make openapi

# Asks pypi.org what is known of the locked packages; not part of check, which needs no such service.
audit:
	@cmp -s requirements/audit.txt .redshop/audit/requirements.txt || { \
		mkdir -p .redshop && $(PYTHON) -m venv .redshop/audit && \
		.redshop/audit/bin/pip install --quiet --disable-pip-version-check --no-input \
			--require-hashes --requirement requirements/audit.txt && \
		cp requirements/audit.txt .redshop/audit/requirements.txt; }
	@for lock in runtime dev; do \
		.redshop/audit/bin/pip-audit --strict --disable-pip --require-hashes \
			--requirement requirements/$$lock.txt $(ARGS) || exit 1; done

fix: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: install
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file tests/openapi.yml

# The README's picture of the admin's home page, from this checkout's own system.
picture: install chromium
	$(BIN)/python docs/pictures/take.py

bench: install
	@$(BIN)/python -c 'import mesa' 2>/dev/null || { echo "Installing Mesa into .venv (once)" && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
			--require-hashes --requirement requirements/bench.txt; }
	$(BIN)/python benchmarks/run.py $(ARGS)
	$(BIN)/python benchmarks/ingestion.py
	$(BIN)/python benchmarks/questions.py --events 10000000 --conversions 100000
	$(BIN)/python benchmarks/answers.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/feed.py
	$(BIN)/python benchmarks/population.py
	$(BIN)/python benchmarks/insight.py

soak: pyspark
	$(BIN)/pytest -m "soak or spark" $(ARGS)

spark: pyspark
	$(BIN)/pytest -m spark $(ARGS)

# Spark is 450 MB and needs Java 17 or later: it and its tests are apart.
pyspark: install
	@.ci/java
	@$(BIN)/python -c 'import pyspark' 2>/dev/null || { echo "Installing Spark into .venv (once)" && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
			--require-hashes --requirement requirements/spark.txt; }

# The environment holds what requirements/dev.txt names, by hash; its copy inside says so.
install:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "redshop needs Python 3.11 or later; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Making .venv"; $(PYTHON) -m venv .venv; }
	@cmp -s requirements/dev.txt .venv/requirements.txt || { \
		echo "Installing the locked packages into .venv (once)" && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input \
			--require-hashes --requirement requirements/dev.txt && \
		cp requirements/dev.txt .venv/requirements.txt; }

chromium:
	@.ci/chromium

# uv resolves for every platform at once; it is fetched into the state folder, not into .venv.
lock:
	@test -x .redshop/uv/bin/uv || \
		{ $(PYTHON) -m venv .redshop/uv && .redshop/uv/bin/pip install --quiet uv; }
	.redshop/uv/bin/uv pip compile pyproject.toml --group dev $(LOCKING) $(ARGS) --output-file requirements/dev.txt
	.redshop/uv/bin/uv pip compile pyproject.toml --constraint requirements/dev.txt $(LOCKING) \
		--output-file requirements/runtime.txt
	.redshop/uv/bin/uv pip compile pyproject.toml --group bench --constraint requirements/dev.txt $(LOCKING) \
		--output-file requirements/bench.txt
	.redshop/uv/bin/uv pip compile pyproject.toml --extra spark --constraint requirements/dev.txt $(LOCKING) \
		--output-file requirements/spark.txt
	.redshop/uv/bin/uv pip compile --group audit $(LOCKING) --output-file requirements/audit.txt

LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-header

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
