# Two commands do everything on a fresh machine: `make demo` and `make test`.
# Needed: Python 3.11 or newer, Node.js 20 or newer, make. No Docker, no AWS account.

PYTHON ?= python3
export ALLOW_UNTRACK
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 18,20
export PYTHONPATH := lambdas:.
BIN := .venv/bin
READY := .venv/.ready node_modules/.ready
PARALLEL = --numprocesses 3 --dist loadgroup
LONG = $(addprefix tests/e2e/test_,automatic_redrives.py aws_check.py by_notifications.py loops.py package.py regions.py silence.py wait.py)
LAWS = $(BIN)/pytest -q --timeout 0 -p no:logging -p tests.laws.summary

.PHONY: help demo demo-live parity screenshots test test-long coverage laws loops wait up down lint fix bench openapi synth package deployer-policy bootstrap deploy diff destroy lock clean

help: ## What there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1	\2/' | expand -t 18

demo: $(READY) ## The main job on the local emulator, from nothing to the answers
	@$(BIN)/python -m local demo

demo-live: $(READY) ## The same, then a gentle stream of objects until Ctrl-C
	@$(BIN)/python -m local demo --live

test: $(READY) ## Checks, unit, property, adapter, infrastructure and end-to-end tests, but the long ones
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest $(PARALLEL) $(addprefix --ignore=,$(LONG))

test-long: $(READY) ## The end-to-end tests that deploy a stack of their own or take minutes
	@$(BIN)/pytest $(PARALLEL) $(LONG)

coverage: $(READY) ## Every test but the long ones, and which lines none of them runs
	@$(BIN)/pytest $(PARALLEL) $(addprefix --ignore=,$(LONG)) --cov --cov-report=term:skip-covered

laws: $(READY) ## The tracker against a model of S3, a tenth of it over DynamoDB (EXAMPLES=n SEED=n)
	@export LAWS_EXAMPLES=$(or $(EXAMPLES),10000) LAWS_SEED=$(or $(SEED),0); \
	    $(LAWS) tests/laws/test_model.py && $(LAWS) tests/laws/test_model_in_dynamodb.py

loops: $(READY) ## 20,000 versions and a long backfill, while loops of functions are ended as Lambda does
	@LOOPS_VERSIONS=20000 LOOPS_IN_DOUBT=4 $(BIN)/pytest -q -n 0 --durations 0 tests/e2e/test_loops.py

wait: $(READY) ## 10,000 objects on the local stack, and how soon a wait for them ends (OBJECTS=n)
	@WAIT_OBJECTS=$(or $(OBJECTS),10000) $(BIN)/pytest -q -n 0 tests/e2e/test_wait.py

up: $(READY) ## The whole stack on the local emulator; .local/outputs.json says where
	@$(BIN)/python -m local up

down: .venv/.ready ## Ends all of it
	@$(BIN)/python -m local down

lint: .venv/.ready ## ruff, mypy --strict and the architecture contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

fix: .venv/.ready ## What the tools can mend by themselves
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv/.ready ## The figures of the README: capacity, CPU, cold start
	@$(BIN)/python -m bench.capacity
	@$(BIN)/python -m bench.costs
	@$(BIN)/python -m bench.checks
	@$(BIN)/python -m bench.recorder
	@$(BIN)/python -m bench.cold_start

openapi: .venv/.ready ## Writes docs/openapi.json anew
	@$(BIN)/python -m local.openapi

parity: $(READY) ## A random run with faults, after which the tracker must equal S3 (SEED=n VERSIONS=n)
	@$(BIN)/python -m local.parity --seed $(or $(SEED),1) --versions $(or $(VERSIONS),2000)

screenshots: $(READY) ## docs/images anew, in the browser that the tests use
	@$(BIN)/python -m tests.support.fake_api.screenshots

synth: $(READY) ## The CloudFormation template, with dependencies bundled for Lambda
	@node_modules/.bin/cdk synth --quiet $(CDK)

package: $(READY) ## A template and zips in build/package that deploy without the CDK, with the same CDK='...'
	@$(BIN)/python -m infra.package $(CDK)

deployer-policy: .venv/.ready ## Writes docs/deployer-policy.json anew
	@$(BIN)/python -m infra.deployer_policy > docs/deployer-policy.json

bootstrap: $(READY) ## Once for each account and Region, with the pinned CDK and the same CDK='...'
	@node_modules/.bin/cdk bootstrap $(CDK)

deploy: $(READY) ## Into your AWS account: make deploy CDK='-c source_buckets=a -c destination_buckets=b'
	@$(BIN)/python -m infra.guard $(CDK)
	@node_modules/.bin/cdk deploy --all $(CDK)

diff: $(READY) ## What a deployment would change, with the same CDK='...'
	@node_modules/.bin/cdk diff $(CDK)

destroy: $(READY) ## Out of it again, with the same CDK='...'
	@node_modules/.bin/cdk destroy --all $(CDK) || { echo "Stage prod is protected: switch off the stack's termination protection and the table's deletion protection first (README, Remove)."; exit 1; }

lock: .venv/.ready ## Resolves the pinned requirements anew
	@$(BIN)/uv pip compile -q --python-version 3.14 --python-platform aarch64-manylinux2014 \
	    --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    lambdas/requirements.in -o lambdas/requirements.txt
	@for name in dev uv; do \
	    $(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url \
	        --custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt; \
	done

clean: ## Everything that was made, the local stack included
	@[ ! -x $(BIN)/python ] || $(BIN)/python -m local down
	@rm -rf .venv node_modules .local cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/.ready: requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; name one with make PYTHON=...")'
	@echo "Installing the Python tools into .venv ..."
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.ready: package-lock.json
	@command -v npm >/dev/null || { echo "Node.js with npm is needed: it brings the AWS CDK command line and the tests' browser"; exit 1; }
	@echo "Installing the AWS CDK command line and a browser for the tests into node_modules ..."
	@npm ci --silent --no-audit --no-fund
	@touch $@
