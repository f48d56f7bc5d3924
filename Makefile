.DEFAULT_GOAL := help
.PHONY: help run test check bench build clean

GO ?= go
export CGO_ENABLED ?= 1

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

build: ## the program, into bin/lotsiya
	$(GO) build -o bin/lotsiya ./cmd/lotsiya

run: build ## runs the product with its demonstration region on http://127.0.0.1:8080
	@scripts/need postgres
	@exec bin/lotsiya serve --demo

test: ## every test, on a real PostgreSQL and in a real Chromium
	@scripts/need postgres chromium
	$(GO) test -p 2 -timeout 14m ./...

check: ## what must pass before a merge: format, vet, staticcheck, the import law, tests (short) with the race detector
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	@scripts/need postgres chromium
	$(GO) test -race -short -p 2 -timeout 14m ./...

bench: ## measures, beside a yardstick run in the same place
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 40m ./...

clean: ## removes what was built (never data)
	rm -rf bin
