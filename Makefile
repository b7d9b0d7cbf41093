# Each target does all its own set-up in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := .node
TORCH := torch==2.13.0
ACTIONS := action.yml $(wildcard actions/*/action.yml)
WORKFLOWS := $(wildcard examples/workflows/*.yml actions/first/github*.yml)

SUMDB := /usr/share/gocode/src/golang.org/x/mod/sumdb

.PHONY: gate test go pango wire gitlab-job lint bench example pictures clean

gate: $(VENV)/.base  ## judge the three candidates of the real example
	@cd examples/digits && ../../$(BIN)/greengate gate; code=$$?; \
	if [ $$code -eq 1 ]; then echo "exit code 1: as it should be, one of the candidates fails its policy"; \
	else exit $$code; fi

test: $(VENV)/.test $(NODE)/.installed go pango  ## run the whole test suite
	$(BIN)/coverage erase
	$(BIN)/pytest --numprocesses 2 --dist loadfile --cov --cov-report=term

go:  ## what the independent verifier of ledgers is built with; without it, its tests are left out
	@{ command -v go > /dev/null && test -d $(SUMDB)/tlog; } \
		|| { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq golang-go golang-golang-x-mod-dev; } \
		|| echo "no Go with golang.org/x/mod here: the independent verifier of ledgers is not tried" >&2

pango: $(VENV)/.test  ## what the PDF of a report is set with
	@$(BIN)/python -W 'error:HarfBuzz-Subset' -c 'import weasyprint' 2> /dev/null \
		|| { test "$$(id -u)" = 0 && apt-get update -qq \
			&& apt-get install -y -qq libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; } \
		|| { echo "the PDF of a report needs Pango and HarfBuzz-Subset: install them" >&2; exit 1; }

wire: $(VENV)/.test $(NODE)/.proxy  ## hold what is sent to GitHub against its own description, through a proxy
	$(BIN)/python tests/node/wire.py

gitlab-job: $(VENV)/.test $(NODE)/gitlab/.installed  ## really run the GitLab job, on real repositories and models
	@command -v rsync > /dev/null || { test "$$(id -u)" = 0 && apt-get update -qq && apt-get install -y -qq rsync; } \
		|| { echo "gitlab-ci-local needs rsync: install it" >&2; exit 1; }
	$(BIN)/pytest tests/gitlab_pipelines.py

lint: $(VENV)/.lint  ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet $(ACTIONS) $(WORKFLOWS)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions $(ACTIONS)
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/python tests/gitlab_files.py $(VENV)/gitlab
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci actions/gitlab/greengate.yml $(VENV)/gitlab/*.yml

bench: $(VENV)/.test  ## run the short benchmarks and write their results beside them
	$(BIN)/python benchmarks/run.py

example: $(VENV)/.examples  ## train the models of examples/digits again
	$(BIN)/python examples/digits/train.py

pictures: $(VENV)/.test $(VENV)/.docs .node/pictures/.installed  ## take the pictures of a comment and a quarter again; needs chromium and npm
	$(BIN)/python docs/pictures/comment.py
	$(BIN)/python docs/pictures/quarterly.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.base: pyproject.toml $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.base
	$(BIN)/python -m pip install --quiet $(TORCH) --editable '.[cel,gitlab,parquet,pictures,postgres,quality,reports,torch]' --group examples --group test
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group lint
	@touch $@

$(NODE)/.installed: tests/node/package.json tests/node/package-lock.json
	@command -v npm > /dev/null || { echo "some tests need Node 20 or newer, with npm" >&2; exit 1; }
	@mkdir -p $(NODE)
	@cp tests/node/package.json tests/node/package-lock.json $(NODE)
	cd $(NODE) && npm ci --omit=dev --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(NODE)/.proxy: $(NODE)/.installed  # large, and for `wire` alone
	cd $(NODE) && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(VENV)/.examples: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --group examples
	@touch $@

$(VENV)/.docs: $(VENV)/.base
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

.node/pictures/.installed: docs/pictures/package.json docs/pictures/package-lock.json
	@mkdir -p .node/pictures
	@cp docs/pictures/package.json docs/pictures/package-lock.json .node/pictures
	cd .node/pictures && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(NODE)/gitlab/.installed: tests/node/gitlab/package.json tests/node/gitlab/package-lock.json
	@command -v npm > /dev/null || { echo "to run the GitLab job takes Node 20 or newer, with npm" >&2; exit 1; }
	@mkdir -p $(NODE)/gitlab
	@cp tests/node/gitlab/package.json tests/node/gitlab/package-lock.json $(NODE)/gitlab
	cd $(NODE)/gitlab && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

clean:
	rm -rf $(VENV) $(NODE) dist build .coverage* .hypothesis .pytest_cache .mypy_cache .ruff_cache
