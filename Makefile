# Habits. What a change has to pass is .ci/run.
.DEFAULT_GOAL := help
.PHONY: help test lint bench stages dev fuzz chaos mutants ci

FUZZTIME ?= 20s
SEEDS ?= 1
SEED ?= 1
CELLS ?=
PARALLEL ?= 3
ROUNDS ?= 5
EVENTS ?= 2000000
PARTS ?= throughput,latency,alone
SIZES ?= 10000,100000,1000000
LATENCY_ROUNDS ?= 3
OUT ?= dist/bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## all tests; HOTLEAD_TESTBED=containers|process|embedded says on which servers
	go test ./...

lint: ## gofmt, vet, and golangci-lint, which is built once
	gofmt -l -w .
	go vet ./...
	.ci/lint

bench: ## hotlead beside its peers (ROUNDS, EVENTS, PARTS; report and pictures in OUT); to try: ROUNDS=1 LATENCY_ROUNDS=1 EVENTS=300000
	HOTLEAD_TESTBED=process go test -run '^$$' -bench '^BenchmarkAll$$' -benchtime 1x -count 1 -timeout 0 ./cmd/testbed/bench \
		-args -rounds $(ROUNDS) -events $(EVENTS) -latency-rounds $(LATENCY_ROUNDS) -parts $(PARTS) -sizes $(SIZES) \
		-out $(abspath $(OUT))

stages: ## the benchmarks of each stage, with allocations
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v /cmd/testbed/bench)

dev: ## hotlead with everything in one process, and simulated leads
	go run ./cmd/hotlead dev

fuzz: ## each fuzz target for FUZZTIME (20s)
	@grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's#/[^/]+_test\.go:func # #' | \
	while read -r package name; do \
		echo "$$package $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
	done

chaos: ## the fault matrix: each cell (CELLS=regexp) for SEEDS (1) seeds from SEED (1); SHORT=1 for its short form
	HOTLEAD_TESTBED=process go test -v -count=1 -timeout 0 -parallel $(PARALLEL) $(if $(SHORT),-short) -run '^TestMatrix$$' \
		./cmd/testbed/chaos -args -seeds $(SEEDS) -seed $(SEED) -cells '$(CELLS)'

mutants: ## hotlead with one guard after the other taken out: the cells of the fault matrix that must notice
	HOTLEAD_TESTBED=process go test -v -count=1 -timeout 0 -run '^TestMutants$$' ./cmd/testbed/chaos -args -mutants

ci: ## everything that a change has to pass
	.ci/run
