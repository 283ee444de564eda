# Everything a contributor runs. `make` alone lists it. What a target needs is fetched into .cache/ and bin/; nothing is
# installed on the machine. Needed beforehand: Go, Node 20 or later with npm, git, make, bash.

GOLANGCI_LINT_VERSION := v2.12.2
SQUAWK_VERSION := 2.66.0
PRETTIER_VERSION := 3.10.1
export GOLANGCI_LINT_VERSION SQUAWK_VERSION PRETTIER_VERSION

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TESTSUMMARY := .cache/bin/testsummary

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: $(if $(shell command -v npm),web/node_modules) ## build bin/handoff, with the pages when npm is there
	@scripts/pages.sh
	@go build -ldflags '-X main.version=$(VERSION)' -o bin/handoff ./cmd/handoff
	@echo 'RESULT build=ok version=$(VERSION)'

.PHONY: run
run: build ## start everything on this machine: Postgres, the Supabase stand-in, the worker, a demo project
	@exec bin/handoff dev --assistant=true

.PHONY: demo
demo: build web/node_modules ## play a visitor, an AI and an agent against `make run`, or start one for it
	@node web/demo/demo.mjs

.PHONY: test
test: build web/node_modules web/conformance/node_modules $(TESTSUMMARY) ## run every test, the demo, and the demo with the worker killed during every step
	@scripts/test.sh

.PHONY: test-db
test-db: $(TESTSUMMARY) ## test the rules in the database on Postgres 15 (or what this machine has) and on 17
	@scripts/test-db.sh

.PHONY: schema
schema: ## rewrite migrations/schema.sql from what the migrations make
	@go test ./migrations -count=1 -run '^TestSchemaFile$$' -update-schema
	@git diff --stat -- migrations/schema.sql

.PHONY: test-standin
test-standin: build web/conformance/node_modules $(TESTSUMMARY) ## test the Supabase stand-in, also with unmodified supabase-js and 10,000 sockets
	@scripts/test-standin.sh

.PHONY: test-edge
test-edge: build web/node_modules web/conformance/node_modules ## the edge cases of F001 section 9 and the time-outs of 5.12.10, through supabase-js
	@node web/edge/run.mjs

.PHONY: test-kill
test-kill: build web/node_modules ## play the demo while the worker is killed during every step
	@node web/demo/killtest.mjs

.PHONY: e2e
e2e: build ## play visitors and agents in a real Chromium (E2E=widget: only the files named so)
	@scripts/e2e.sh $(E2E)

.PHONY: pictures
pictures: build ## take the pictures of docs/images anew from the real pages
	@scripts/pictures.sh

.PHONY: chaos
chaos: build web/node_modules ## break everything for CHAOS_SECONDS (540), then torture the queue, and show that nothing is lost
	@scripts/chaos.sh
	@scripts/torture.sh

.PHONY: torture
torture: build ## 100,000 calls at once, four workers that are killed: one owner, never over the limit, nothing idle
	@scripts/torture.sh

.PHONY: bench
bench: build ## measure the bridge and the assignment of conversations (BENCH=bridge, assign, growth, presence or micro)
	@scripts/bench.sh

.PHONY: dist
dist: build ## build what is released: binaries, bills of materials, checksums (DIST_VERIFY=1: and show that they can be reproduced)
	@scripts/dist.sh

.PHONY: load
load: build ## carry F001 11.3's load and ten times it: 10,000 conversations, 1,000 messages a second, 20,000 sockets
	@scripts/load.sh

.PHONY: check
check: web/node_modules ## lint everything: formatting, Go, modules, migrations, web
	@scripts/check.sh

.PHONY: format
format: ## rewrite Go and web sources in the house format
	@scripts/format.sh

.PHONY: clean
clean: ## remove what was built and fetched
	@rm -rf bin dist .cache web/node_modules web/*/node_modules web/*/dist web/dist/shop web/dist/widget web/dist/dashboard
	@echo 'RESULT clean=ok'

# Always asked to build: go knows better than make whether anything changed, and answers at once if nothing did.
.PHONY: $(TESTSUMMARY)
$(TESTSUMMARY):
	@go build -o $@ ./scripts/testsummary

web/node_modules: web/package-lock.json
	@echo 'Installing the web packages ...'
	@npm ci --prefix web --silent
	@touch $@

web/conformance/node_modules: web/conformance/package-lock.json
	@echo 'Installing the packages of the conformance suite ...'
	@npm ci --prefix web/conformance --silent
	@touch $@
