# Habits. What a change has to pass is .ci/run.
.DEFAULT_GOAL := help
.PHONY: help test lint bench dev fuzz ci

FUZZTIME ?= 20s

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## all tests; HOTLEAD_TESTBED=containers|process|embedded says on which servers
	go test ./...

lint: ## gofmt, vet, and golangci-lint, which is built once
	gofmt -l -w .
	go vet ./...
	.ci/lint

bench: ## all benchmarks, with allocations
	go test -run '^$$' -bench . -benchmem ./...

dev: ## hotlead with everything in one process, and simulated leads
	go run ./cmd/hotlead dev

fuzz: ## each fuzz target for FUZZTIME (20s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's#/[^/]+_test\.go:func # #' | \
	while read -r package name; do \
		echo "$$package $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

ci: ## everything that a change has to pass
	.ci/run
