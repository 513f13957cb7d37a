PYTHON ?= python3
export PORT ?= 5000

.PHONY: help serve class check test test-faults test-docs lint test-browser test-docker test-contract test-clients test-oracles test-objects test-cluster test-hosts test-lambda test-spark sanitize faults bench limit
.DEFAULT_GOAL := help

help:  ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: .venv/serving  ## serve on 127.0.0.1:5000; PORT=8080 for another port, HOST=0.0.0.0 for other machines
	.venv/bin/gunicorn app:app

CLASS ?= class

class:  ## prepare the lesson of docs/class.md in the folder class, or begin it anew
	rm -rf $(CLASS)/models $(CLASS)/var
	mkdir -p $(CLASS)/models/wine $(CLASS)/var
	cp examples/class/*.csv examples/class/*.md $(CLASS)
	cp -r models/wine/1 $(CLASS)/models/wine
	echo 1 > $(CLASS)/models/wine/current
	@echo
	@echo "The files are in $(CLASS); your own models and records stay as they are. Now serve, in this terminal:"
	@echo "    export MODELS_DIR=$(CLASS)/models VAR_DIR=$(CLASS)/var"
	@echo "    make serve"
	@echo "In a second terminal, after the same export, continue with docs/class.md (em português: docs/class.pt-BR.md)."

# The processes of pytest take all processors: threads of OpenMP would only wait for each other.
check test test-faults: export OMP_NUM_THREADS = 1
# They start the service hundreds of times: each start would compile it.
check test test-faults: export PYTHONDONTWRITEBYTECODE =

check: lint  ## lint, and run the tests that take no time: about a minute
	.venv/bin/pytest --numprocesses auto --dist loadfile -m "not slow"

# Many tests wait: for servers that start, databases, files that are looked at in a while.
test: PROCESSES = $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 2) * 3 // 2)')
test: .venv/development  ## run the tests that need nothing else, in less than five minutes; it ends with what was left out
	.venv/bin/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder -rs -m "not faults and not docs"
	@echo "Not run: what is killed, stalled or spoiled (make test-faults), what the docs say (make test-docs), and what needs more (make help lists it)"

test-faults: .venv/development  ## kill, stop, fill and spoil what can be, in short; `make faults` does so as long as it takes to be sure
	.venv/bin/pytest --numprocesses auto --dist loadfile -rs -m faults

lint: .venv/development  ## check style, types and layers
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo

test-docs: .venv/development  ## do what README, the stories and the lesson say, command by command
	.venv/bin/pytest --numprocesses 2 --dist loadfile -rs -m docs tests/docs

test-browser: .venv/development  ## test the pages in Chromium; screenshots in tests/browser/screenshots
	.venv/bin/pytest --numprocesses 2 --dist loadfile tests/browser

test-docker: .venv/development tests/objects/.venv/installed  ## build the images, run them with compose and as Kubernetes would, and test them
	.venv/bin/pytest --numprocesses 2 --dist loadfile tests/docker

test-contract: .venv/development tests/contract/.venv/installed  ## fuzz the API, run the Postman collection; CASES=1000 SEED=2 for more
	.venv/bin/pytest -s tests/contract

CLIENTS := $(patsubst tests/clients/requirements-%.txt,%,$(wildcard tests/clients/requirements-*.txt))

test-clients: .venv/development $(CLIENTS:%=tests/clients/.venv-%/installed)  ## call the service by the clients of other model servers
	.venv/bin/pytest -s tests/clients

test-oracles: .venv/development tests/oracles/.venv-shap/installed  ## compare explanations of trees with those of shap
	.venv/bin/pytest tests/oracles

test-objects: .venv/development tests/objects/.venv/installed  ## share models through a real server of S3's protocol, killed, slow and failing
	.venv/bin/pytest tests/objects

test-cluster: .venv/development tests/cluster/.venv/installed  ## train on a cluster of Dask, whose scheduler and workers are killed
	.venv/bin/pytest tests/cluster

test-hosts: .venv/development tests/objects/.venv/installed  ## run three hosts behind HAProxy, each on a machine of network namespaces, and kill, cut off and update them; needs root
	.venv/bin/pytest -s tests/hosts

test-lambda: .venv/development tests/deploy/lambda/.venv-function/installed tests/deploy/lambda/.venv-lint/installed tests/objects/.venv/installed  ## call the function of deploy/lambda with events of AWS, and check its template
	.venv/bin/pytest --numprocesses auto --dist loadfile tests/deploy/lambda

test-spark: .venv/development tests/spark/.venv/installed tests/objects/.venv/installed  ## predict on Spark, by executors that are processes of their own; needs Java 17
	.venv/bin/pytest tests/spark

sanitize: .venv/development  ## walk and explain forests and read batches, malformed ones too, where C would find every wrong address; CASES=9000 for more
	mkdir -p .venv/sanitized
	for source in serving/models/_walk serving/models/explaining/_explain serving/inputs/_columns serving/inputs/_rows; do \
		$(CC) -shared -fPIC -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
			-I$(shell .venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))') \
			$$source.c -o .venv/sanitized/$$(basename $$source).so -lm || exit; \
	done
	SANITIZED=.venv/sanitized CASES=$${CASES:-300} PYTHONMALLOC=malloc ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
		LD_PRELOAD="$(shell $(CC) -print-file-name=libasan.so) $(shell $(CC) -print-file-name=libubsan.so)" \
		.venv/bin/pytest tests/models/test_forest*.py tests/inputs/test_columns*.py tests/inputs/test_row_texts.py

faults: .venv/development  ## kill, stop, fill and swap what can be, as long as it takes to be sure
	FAULTS=full .venv/bin/pytest -s -m faults

bench: .venv/development  ## measure the service beside its floor and its peers, 20 minutes
	.venv/bin/python -m bench compare

limit: .venv/development  ## find how many requests a second it sustains; URL=https://… KEY=… for another
	$(if $(URL),,.venv/bin/pip install --quiet --requirement bench/requirements.txt)
	.venv/bin/python -m bench limit $(if $(URL),--url $(URL))

# Of the target's folder, with the requirements that it depends on first.
environment = $(PYTHON) -m venv $(@D) && $(@D)/bin/pip install --quiet --requirement $<

tests/clients/.venv-%/installed: tests/clients/requirements-%.txt
	$(environment)
	touch $@

tests/oracles/.venv-%/installed: tests/oracles/requirements-%.txt
	$(environment)
	touch $@

tests/objects/.venv/installed: tests/objects/requirements.txt
	$(environment)
	touch $@

tests/spark/.venv/installed: tests/spark/requirements.txt requirements-spark.txt requirements-parquet.txt requirements.txt
	$(environment)
	touch $@

tests/cluster/.venv/installed: tests/cluster/requirements.txt requirements.txt requirements-parquet.txt requirements-dask.txt
	$(environment)
	touch $@

tests/deploy/lambda/.venv-%/installed: tests/deploy/lambda/requirements-%.txt deploy/lambda/requirements.txt requirements.txt
	$(environment)
	touch $@

tests/contract/.venv/installed: tests/contract/requirements.txt tests/contract/package-lock.json
	$(environment)
	npm ci --prefix tests/contract --no-audit --no-fund --ignore-scripts --loglevel=error
	touch $@

.venv/bin/pip:
	$(PYTHON) -m venv .venv

COMPILED = serving/models/_forest.h serving/models/_walk.c serving/models/explaining/_explain.c \
	serving/inputs/_columns.c serving/inputs/_rows.c

.venv/serving: .venv/bin/pip requirements.txt requirements-parser.txt pyproject.toml $(COMPILED)
	.venv/bin/pip install --quiet --requirement requirements.txt
	$(ADEGA)
	@$(PARSER)
	touch $@

.venv/development: .venv/bin/pip requirements.txt requirements-dev.txt requirements-parser.txt pyproject.toml $(COMPILED)
	.venv/bin/pip install --quiet --requirement requirements-dev.txt
	$(ADEGA)
	@$(PARSER)
	touch $@ .venv/serving

# The command .venv/bin/adega, and where there is a C compiler, what is compiled; all that it needs
# is installed by now, so this asks no network.
ADEGA = .venv/bin/pip install --quiet --no-deps --no-build-isolation --editable .

# What pip says of a failed build is long, and nothing has to be done about it.
PARSER = .venv/bin/pip install --quiet --requirement requirements-parser.txt 2>/dev/null \
	|| echo "no C compiler: gunicorn's own HTTP parser serves, which is slower"
