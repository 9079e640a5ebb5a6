# The commands of this repository. `make` alone lists them.
#
# Needs python3 (3.11 or newer), make and git; everything else goes into .venv and .devstack here,
# but for PostgreSQL, Redis and RabbitMQ, which devstack installs from the system's packages.

PYTHON ?= python3
SERVICES := api-gateway user-service template-service email-service push-service
LIBS := libs/contracts libs/servicekit libs/templating libs/delivery
MEMBERS := $(LIBS) devstack $(SERVICES)
PORT_OFFSET ?= 0
# What `make test` says must not depend on chance; `make test-fuzz` and `make fuzz` draw anew.
TEST_SEED ?= 20261201

BIN := .venv/bin
UV := $(BIN)/uv
WITH_SERVERS := $(BIN)/python -m devstack.servers --home .devstack/test --
PYTEST := $(BIN)/python -m pytest -c pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup run dlq clean up down test test-members test-repo test-e2e test-fuzz test-alone test-compose test-servers test-faults faults fuzz load \
	bench-accept bench-deliver check format lock

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with everything in it (done by itself where needed)
	@sh devstack/bootstrap.sh $(PYTHON) .venv requirements-dev.txt $(MEMBERS)

run: setup ## Start the whole system here, send an email and a push, stay until Ctrl-C
	@exec $(BIN)/python -m devstack.run --port-offset $(PORT_OFFSET)

dlq: setup ## Dead letters of the running system: make dlq ARGS="list --reason retries_exhausted"
	@$(BIN)/python -m devstack.dlq $(or $(ARGS),--help)

clean: setup ## Remove all data of `make run` and of the tests
	@$(BIN)/python -m devstack.clean .devstack

up: ## Start the whole system with docker compose
	@sh devstack/compose/up.sh

down: ## Stop what `make up` started; the data stay
	docker compose down

test: setup ## All tests: members' own, the repository's, the whole system's, some faults
	@$(WITH_SERVERS) $(MAKE) --no-print-directory test-members
	@$(MAKE) --no-print-directory test-repo test-e2e test-faults
	@$(MAKE) --no-print-directory test-fuzz ARGS="--seed $(TEST_SEED)"

test-servers: setup ## A shell with PostgreSQL, Redis and RabbitMQ for running single tests
	@$(WITH_SERVERS) $${SHELL:-sh}

test-members: setup ## Unit and integration tests of every member (wants the servers of `make test`)
	@set -e; for member in $(MEMBERS); do \
		echo "== $$member"; $(PYTEST) --rootdir=$$member $$member/tests; \
	done

test-repo: setup ## Architecture tests
	@echo "== tests/repo"; $(PYTEST) --rootdir=tests/repo tests/repo

test-e2e: setup ## Tests of the whole system, on a stack of their own
	@echo "== tests/e2e"; $(PYTEST) --rootdir=tests/e2e tests/e2e

test-fuzz: setup ## Fuzz every service by its OpenAPI, for a minute: make test-fuzz ARGS="--seed 7"
	@echo "== tests/fuzz"; $(PYTEST) --rootdir=tests/fuzz tests/fuzz $(ARGS)

test-faults: setup ## A selection of the fault tests, in five minutes at most
	@echo "== tests/faults"; $(PYTEST) --rootdir=tests/faults tests/faults

fuzz: setup ## The same for half an hour: make fuzz ARGS="--seed 7 --minutes 5"
	@$(PYTEST) --rootdir=tests/fuzz tests/fuzz --minutes 30 $(ARGS)

faults: setup ## All fault tests in their long form; their results go into docs/reliability.md
	@$(PYTEST) --rootdir=tests/faults -s tests/faults --full --results .devstack/faults.json
	@$(BIN)/python tests/faults/render_results.py .devstack/faults.json docs/reliability.md

test-alone: setup ## One service in an environment of its own: make test-alone SERVICE=user-service
	@$(WITH_SERVERS) sh devstack/test_alone.sh $(PYTHON) $(SERVICE)

test-compose: ## docker-compose.yml for real: build, start, send, scale, take down
	@sh devstack/compose/test_compose.sh

check: setup ## Lint, format, types and import rules: what CI checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@set -e; for member in $(MEMBERS); do \
		echo "mypy $$member"; \
		$(BIN)/mypy --config-file pyproject.toml $$member/src; \
		if [ -d $$member/tests ]; then $(BIN)/mypy --config-file pyproject.toml $$member/tests; fi; \
	done
	@for tests in tests/repo tests/e2e tests/faults tests/fuzz benchmarks; do echo "mypy $$tests"; \
		MYPYPATH=email-service/tests $(BIN)/mypy --config-file pyproject.toml $$tests || exit 1; done
	@$(BIN)/lint-imports --no-cache

format: setup ## Put the code into its format
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: setup ## Compile all requirements files anew
	@sh devstack/lock.sh $(UV) "$(LIBS)" "$(SERVICES)"

USERS ?= 20
SECONDS ?= 60
load: setup ## Load on the system of `make run` by locust: make load USERS=20 SECONDS=60
	@test -n "$$API_KEY" || { echo "Start \`make run\`, then do \`. .devstack/run.env\` here."; exit 1; }
	@test -x .venv-load/bin/locust || { $(UV) venv --quiet .venv-load && \
		$(UV) pip install --quiet --python .venv-load --require-hashes -r benchmarks/requirements.txt; }
	@.venv-load/bin/locust --headless --only-summary --users $(USERS) --spawn-rate 10 \
		--run-time $(SECONDS)s

bench-accept: setup ## Speed of accepting against a limit: make bench-accept ARGS=--quick
	@$(BIN)/python -m benchmarks.accept $(ARGS); accept=$$?; \
		$(BIN)/python -m benchmarks.read_history $(if $(findstring --quick,$(ARGS)),--quick) && exit $$accept

bench-deliver: setup ## Speed of delivery against a limit: make bench-deliver ARGS=--quick
	@$(BIN)/python -m benchmarks.deliver $(ARGS)
