# Targets for people. What each needs, Debian packages too, its script installs
# (test/tools/install-packages), so all of them work where there is only git and make.
# Variables given to make reach the scripts: make check SUITES="regress tap" TESTS=surface

.PHONY: help demo check check-versions lint format bench bench-docs fuzz coverage server psql stop docs dist
TOOLS = $(TOP)/test/tools

help: ## this list
	@echo 'make, make install   build and install with PGXS'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1@\2/p' $(TOOLS)/dev.mk | awk -F@ '{ printf "%-20s %s\n", $$1, $$2 }'

demo: ## see what it does: a private server, realistic data, who sees what
	@$(TOOLS)/install-packages build
	@$(TOP)/test/demo/run

check: ## lint and all tests, on private servers (SUITES="lint regress ...", TESTS="name ...")
	@$(TOOLS)/check

check-versions: ## the tests in PostgreSQL 15, 17 and 18 (root or sudo; VERSIONS="17 18")
	@$(TOOLS)/versions

lint: ## formatting, static analysis, and the rules of the house
	@$(TOOLS)/install-packages build lint
	@$(TOOLS)/lint

format: ## put the C sources into their format
	@$(TOOLS)/install-packages lint
	@find $(TOP)/extension $(TOP)/test -name '*.[ch]' -exec clang-format -i {} +

bench: ## measure, with others beside it, against the targets (BENCH_ROUNDS=5 BENCH_ROWS=1000000)
	@$(TOP)/test/bench/run

bench-docs: ## write docs/benchmarks.md from what "make bench" measured last
	@$(TOP)/test/bench/run --docs

fuzz: ## fuzz each target for SECONDS=60
	@FUZZ_SECONDS=$(or $(SECONDS),60) SUITES=fuzz $(TOOLS)/check

coverage: ## which lines the tests reach
	@COVERAGE=1 SUITES="$(or $(SUITES),unit regress pgtap isolation tap)" $(TOOLS)/check

server: ## start or find the private server; the last line is its connection string
	@$(TOOLS)/server start

psql: ## psql in database tarot of the private server
	@$(TOOLS)/server start >/dev/null
	@$(TOOLS)/server psql

stop: ## stop the private server
	@$(TOOLS)/server stop

docs: ## write the generated part of docs/
	@$(TOOLS)/make-reference

dist: ## an archive of the last commit, for PGXN
	@git -C $(TOP) archive --format zip --prefix $(EXTENSION)-$(EXTVERSION)/ \
		-o $(CURDIR)/$(EXTENSION)-$(EXTVERSION).zip HEAD
	@echo $(EXTENSION)-$(EXTVERSION).zip
