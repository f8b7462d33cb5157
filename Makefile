# Cordum: build, test and try it. A machine needs Go, make and git; everything else is installed or built by the
# targets that use it. `make help` lists them.

SHELL      := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Versions of the tools, pinned here and nowhere else. Built once into .tools, named by their version.
GOFUMPT_VERSION       := v0.12.0
GOLANGCI_LINT_VERSION := v2.15.0
GOTESTSUM_VERSION     := v1.13.0
PROTOC_GEN_GO_VERSION := v1.36.12
PROTOC_GEN_GO_GRPC_VERSION := v1.6.2
OAPI_CODEGEN_VERSION  := v2.8.2
NATS_SERVER_VERSION := v2.15.2

TOOLS         := $(CURDIR)/.tools
GOFUMPT       := $(TOOLS)/gofumpt-$(GOFUMPT_VERSION)
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOTESTSUM     := $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
PROTOC_GEN_GO := $(TOOLS)/protoc-gen-go-$(PROTOC_GEN_GO_VERSION)
PROTOC_GEN_GO_GRPC := $(TOOLS)/protoc-gen-go-grpc-$(PROTOC_GEN_GO_GRPC_VERSION)
OAPI_CODEGEN  := $(TOOLS)/oapi-codegen-$(OAPI_CODEGEN_VERSION)
NATS_SERVER   := $(TOOLS)/nats-server-$(NATS_SERVER_VERSION)

# What a build writes: binaries in bin/, everything else that may be thrown away in .build/.
BIN   := bin
BUILD := .build

# Nothing but the race detector uses cgo.
export CGO_ENABLED := 0
# One way to compile for builds and tests, so that neither does it again.
export GOFLAGS := -trimpath

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)

# Narrow a target: make test PKGS=./engine/... ARGS='-run TestStories'
PKGS ?= ./...
ARGS ?=
# The packages in which goroutines meet. `make race RACE_PKGS=./...` takes all.
RACE_PKGS ?= ./engine/... ./safety/kernel ./safety/remote ./safety/channel ./store/... ./bus/... ./scheduler/... ./gateway/... ./sdk/go/... ./steps/builtin/...
# Seconds for one fuzz target, and for all of them together.
FUZZ_SECONDS       ?= 20
FUZZ_TOTAL_SECONDS ?= 210
# Which cells of the crash matrix: all, or words that their names begin with, with commas between.
CELLS ?= all
# Which planted faults: all, ci, or names of testdata/mutants with commas between them.
MUTANTS ?= all

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Tools ---------------------------------------------------------------------------------------------------------------

# go-tool NAME VERSION PACKAGE: a rule that builds one tool under a name that carries its version, so that a new
# version is a new file and an up-to-date one costs nothing.
define go-tool
$(TOOLS)/$(1)-$(2):
	@echo "building $(1) $(2)"
	@mkdir -p $(TOOLS)/$(1).tmp
	@cd $(TOOLS) && GOBIN=$(TOOLS)/$(1).tmp GOFLAGS= go install $(3)@$(2)
	@mv $(TOOLS)/$(1).tmp/$(1) $$@ && rmdir $(TOOLS)/$(1).tmp
endef
$(eval $(call go-tool,gofumpt,$(GOFUMPT_VERSION),mvdan.cc/gofumpt))
$(eval $(call go-tool,golangci-lint,$(GOLANGCI_LINT_VERSION),github.com/golangci/golangci-lint/v2/cmd/golangci-lint))
$(eval $(call go-tool,gotestsum,$(GOTESTSUM_VERSION),gotest.tools/gotestsum))
$(eval $(call go-tool,protoc-gen-go,$(PROTOC_GEN_GO_VERSION),google.golang.org/protobuf/cmd/protoc-gen-go))
$(eval $(call go-tool,protoc-gen-go-grpc,$(PROTOC_GEN_GO_GRPC_VERSION),google.golang.org/grpc/cmd/protoc-gen-go-grpc))
$(eval $(call go-tool,oapi-codegen,$(OAPI_CODEGEN_VERSION),github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen))
$(eval $(call go-tool,nats-server,$(NATS_SERVER_VERSION),github.com/nats-io/nats-server/v2))

.PHONY: deps
deps: $(GOTESTSUM) $(NATS_SERVER) sdk-deps ## Install what building and testing need (quick when done)
	@go mod download
	@cd bench && go mod download
	@scripts/system-package chromium chromium chromium-browser google-chrome
	@scripts/system-package redis-server redis-server

# What scripts/local-cluster starts beside the binary.
.PHONY: local-cluster-tools
local-cluster-tools: $(NATS_SERVER)
	@scripts/system-package redis-server redis-server

# What the SDKs are tested with; they install their packages themselves.
.PHONY: sdk-deps
sdk-deps:
	@scripts/system-package nodejs node
	@scripts/system-package npm npm
	@python3 -c 'import ensurepip' 2>/dev/null || scripts/system-package python3-venv python3-venv

.PHONY: tools
tools: deps $(GOFUMPT) $(GOLANGCI_LINT) $(PROTOC_GEN_GO) $(PROTOC_GEN_GO_GRPC) $(OAPI_CODEGEN) ## Install the linters and generators too (minutes, once)
	@scripts/system-package protobuf-compiler protoc
	@scripts/system-package libprotobuf-dev "$$(dirname "$$(dirname "$$(command -v protoc)")")/include/google/protobuf/timestamp.proto" /usr/include/google/protobuf/timestamp.proto

## Build and try -------------------------------------------------------------------------------------------------------

.PHONY: build
build: ## Build the static binary and the example's worker into bin/
	@mkdir -p $(BIN)
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/cordum ./cmd/cordum
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/migration-worker ./examples/migration/worker

.PHONY: demo
demo: build ## Run the parallel-backup workflow on real files; FAIL=migrate breaks it and shows the rollback
	@FAIL='$(FAIL)' scripts/demo

.PHONY: clean
clean: ## Remove what was built (not .tools)
	rm -rf $(BIN) $(BUILD)

## Test ----------------------------------------------------------------------------------------------------------------

.PHONY: test
test: test-go sdk ## Run every test, and count them for make scoreboard
	$(if $(ARGS)$(filter-out ./...,$(PKGS)),,@go run ./internal/proof/tests -record 'make test' \
		$(BUILD)/test.json $(BUILD)/test-bench.json $(BUILD)/test-python.txt $(BUILD)/test-typescript.txt)

.PHONY: test-go
test-go: deps build ## Run the tests of the Go code
	@mkdir -p $(BUILD)
	$(GOTESTSUM) --format pkgname-and-test-fails --jsonfile $(BUILD)/test.json -- -timeout 11m -parallel 3 $(ARGS) $(PKGS)
	cd bench && $(GOTESTSUM) --format pkgname-and-test-fails --jsonfile ../$(BUILD)/test-bench.json -- -timeout 2m ./...

.PHONY: sdk sdk-python sdk-typescript
sdk: sdk-python sdk-typescript ## Test the Python and the TypeScript SDK (installs what they need, once)

sdk-python: sdk-deps build
	@mkdir -p $(BUILD)
	@sdk/python/test 2>&1 | tee $(BUILD)/test-python.txt

sdk-typescript: sdk-deps build
	@mkdir -p $(BUILD)
	@REPORTER=spec sdk/typescript/test.sh 2>&1 | tee $(BUILD)/test-typescript.txt

.PHONY: test-examples
test-examples: build ## Lint and test the examples with the binary, as their readers would
	$(BIN)/cordum workflow lint --strict examples/*/workflow.yaml
	$(BIN)/cordum workflow test examples/*/workflow.test.yaml

.PHONY: race
race: deps ## Run the tests of the packages in which goroutines meet under the race detector
	@mkdir -p $(BUILD)
	CGO_ENABLED=1 $(GOTESTSUM) --format pkgname-and-test-fails --jsonfile $(BUILD)/race.json -- -race -short -timeout 8m $(ARGS) $(RACE_PKGS)

.PHONY: fuzz
fuzz: deps ## Run every fuzz target for a bounded time
	@FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TOTAL_SECONDS=$(FUZZ_TOTAL_SECONDS) scripts/fuzz

.PHONY: mutants
mutants: ## Plant faults into a copy of the core and see that a test catches each (MUTANTS=ci: a few)
	go run ./internal/mutants -which $(MUTANTS) $(if $(filter all,$(MUTANTS)),-exact -record 'make mutants')

# How many whole systems the long simulation plays, and after how many seconds the short one begins no more.
SEEDS       ?= 100000
SIM_SECONDS ?= 0

.PHONY: sim
sim: ## Play 2,000 whole systems from seeds, with faults and power cuts (SIM_SECONDS=120: as many as that allows)
	go run ./internal/sim/soak -seeds 2000 -seconds $(SIM_SECONDS)

.PHONY: soak
soak: ## Play SEEDS of them (100,000: half an hour on two cores) and keep a record for make scoreboard
	go run ./internal/sim/soak -seeds $(SEEDS) -record 'make soak SEEDS=$(SEEDS)'

# Which seed is played again.
REPLAY ?= 0
.PHONY: replay
replay: ## Play one whole system again and tell what happens in it (REPLAY=17: its seed)
	go run ./internal/sim/soak -first $(REPLAY) -seeds 1 -tell

.PHONY: replays
replays: ## Play 500 whole systems twice, among others and alone, and see that each committed the same
	go run ./internal/sim/soak -seeds 500 -twice

.PHONY: crash
crash: deps ## Let real processes fail at every crash point (CELLS=CP5/exit: those whose names begin so)
	@mkdir -p $(BUILD)
	go test -c -o $(BUILD)/crash.test ./cmd/cordum
	cd cmd/cordum && $(CURDIR)/$(BUILD)/crash.test -test.run '^TestCrashMatrix$$' -test.timeout 3h -crash.cells '$(CELLS)' -crash.proof $(CURDIR)

# How many processes die while clients and workers judge from outside, and what chooses them.
KILLS ?= 500
SEED  ?= 1

.PHONY: outside
outside: deps build ## Kill, stop and cut off real processes KILLS times, judged by clients and workers, and keep a record for make scoreboard
	@mkdir -p $(BUILD)
	go test -c -o $(BUILD)/outside.test ./internal/outside
	cd internal/outside && $(CURDIR)/$(BUILD)/outside.test -test.run '^TestOutside$$' -test.v -test.parallel 3 -test.timeout 1h \
		-outside.binary $(CURDIR)/$(BIN)/cordum -outside.kills $(KILLS) -outside.seed $(SEED) -outside.proof $(CURDIR)

.PHONY: bench
bench: build ## Measure steps a second, latency and memory, beside the floor of this machine
	@scripts/bench

.PHONY: bench-many
bench-many: build ## Measure a server with a million runs and a million timers (minutes; MANY='-finished 100000' for less)
	@scripts/bench-many $(MANY)

.PHONY: bench-replicas
bench-replicas: build local-cluster-tools ## Measure two engines on one Redis against one, and the others while one is killed (REPLICAS='-only kill' for less)
	@scripts/bench-replicas $(REPLICAS)

.PHONY: scoreboard
scoreboard: ## Print one page of what was measured and proved, with the command of each figure
	@go run ./internal/proof/scoreboard

.PHONY: scoreboard-docs
scoreboard-docs: ## Write what was measured into docs/guarantees.md (each record that is made does it too)
	@go run ./internal/proof/scoreboard -docs

## Check ---------------------------------------------------------------------------------------------------------------

.PHONY: lint
lint: $(GOFUMPT) $(GOLANGCI_LINT) ## vet, linters, formatting, import arrows
	@scripts/check-format $(GOFUMPT)
	go vet ./...
	@cd bench && go vet ./...
	$(GOLANGCI_LINT) run ./...
	go test ./internal/arch

.PHONY: fmt
fmt: $(GOFUMPT) ## Format the Go code
	@$(GOFUMPT) -l -w $$(scripts/go-files)

.PHONY: gen
gen: $(PROTOC_GEN_GO) $(PROTOC_GEN_GO_GRPC) $(OAPI_CODEGEN) ## Generate the wire types, the OpenAPI documents, the API's clients and pages of docs/
	@scripts/generate-wire $(PROTOC_GEN_GO) $(PROTOC_GEN_GO_GRPC)
	go generate ./...
	cd sdk/go/api && $(OAPI_CODEGEN) -config generate.yaml ../../../openapi/openapi.yaml
	@scripts/generate-sdks

.PHONY: verify
verify: ## Everything generated is current, and the code is clean
	@scripts/verify-generated
	@go run ./internal/proof/scoreboard -check
	@$(MAKE) --no-print-directory lint
