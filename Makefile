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

TOOLS         := $(CURDIR)/.tools
GOFUMPT       := $(TOOLS)/gofumpt-$(GOFUMPT_VERSION)
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOTESTSUM     := $(TOOLS)/gotestsum-$(GOTESTSUM_VERSION)
PROTOC_GEN_GO := $(TOOLS)/protoc-gen-go-$(PROTOC_GEN_GO_VERSION)
PROTOC_GEN_GO_GRPC := $(TOOLS)/protoc-gen-go-grpc-$(PROTOC_GEN_GO_GRPC_VERSION)

# What a build writes: binaries in bin/, everything else that may be thrown away in .build/.
BIN   := bin
BUILD := .build

# Nothing but the race detector uses cgo.
export CGO_ENABLED := 0

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

.PHONY: deps
deps: $(GOTESTSUM) ## Install what building and testing need (quick when done)
	@go mod download
	@cd bench && go mod download
	@scripts/system-package chromium chromium chromium-browser google-chrome

.PHONY: tools
tools: deps $(GOFUMPT) $(GOLANGCI_LINT) $(PROTOC_GEN_GO) $(PROTOC_GEN_GO_GRPC) ## Install the linters and generators too (minutes, once)
	@scripts/system-package protobuf-compiler protoc

## Build and try -------------------------------------------------------------------------------------------------------

.PHONY: build
build: ## Build the static binary and the example's worker into bin/
	@mkdir -p $(BIN)
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/cordum ./cmd/cordum
	go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/migration-worker ./examples/migration/worker

.PHONY: demo
demo: build ## Run the parallel-backup workflow on real files; FAIL=migrate breaks it and shows the rollback
	@FAIL='$(FAIL)' scripts/demo

.PHONY: clean
clean: ## Remove what was built (not .tools)
	rm -rf $(BIN) $(BUILD)

## Test ----------------------------------------------------------------------------------------------------------------

.PHONY: test
test: deps build ## Run every test
	@mkdir -p $(BUILD)
	$(GOTESTSUM) --format pkgname-and-test-fails --jsonfile $(BUILD)/test.json -- -timeout 5m $(ARGS) $(PKGS)
	cd bench && $(GOTESTSUM) --format pkgname-and-test-fails --jsonfile ../$(BUILD)/test-bench.json -- -timeout 2m ./...

.PHONY: test-examples
test-examples: build ## Lint and test the examples with the binary, as their readers would
	$(BIN)/cordum workflow lint --strict examples/*/workflow.yaml
	$(BIN)/cordum workflow test examples/*/workflow.test.yaml

.PHONY: race
race: deps ## Run the tests of the packages in which goroutines meet under the race detector
	@mkdir -p $(BUILD)
	CGO_ENABLED=1 $(GOTESTSUM) --format pkgname-and-test-fails --jsonfile $(BUILD)/race.json -- -race -short -timeout 5m $(ARGS) $(RACE_PKGS)

.PHONY: fuzz
fuzz: deps ## Run every fuzz target for a bounded time
	@FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_TOTAL_SECONDS=$(FUZZ_TOTAL_SECONDS) scripts/fuzz

.PHONY: mutants
mutants: ## Plant faults into a copy of the core and see that a test catches each (MUTANTS=ci: a few)
	go run ./internal/mutants -which $(MUTANTS)

.PHONY: bench
bench: build ## Measure steps a second, latency and memory, beside the floor of this machine
	@scripts/bench

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
gen: $(PROTOC_GEN_GO) $(PROTOC_GEN_GO_GRPC) ## Generate the wire types, the OpenAPI documents and pages of docs/
	@scripts/system-package protobuf-compiler protoc
	cd bus/wire && protoc --plugin=protoc-gen-go=$(PROTOC_GEN_GO) --go_out=. --go_opt=paths=source_relative cordum.proto kernel/kernel.proto
	cd bus/wire && protoc --plugin=protoc-gen-go-grpc=$(PROTOC_GEN_GO_GRPC) --go-grpc_out=. --go-grpc_opt=paths=source_relative kernel/kernel.proto
	go generate ./...

.PHONY: verify
verify: ## Everything generated is current, and the code is clean
	@scripts/verify-generated
	@$(MAKE) --no-print-directory lint
