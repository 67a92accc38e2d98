# imapfleet. `make help` lists the targets; `make check` is all of CI.

GO          ?= go
STATICCHECK  = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS      = -s -w -X main.version=$(VERSION)
GOLDEN       = testdata/golden/imports.txt
PLATFORMS    = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
FUZZTIME    ?= 30s
# What reads whole files and lines of foreign octets; the other targets get a third.
FUZZLONG     = FuzzLoad FuzzReader FuzzServerLines
FUZZSHORT   ?= 10s
# Of cmd/imapbench, such as BENCHFLAGS='-cases realistic -far 0'.
BENCHFLAGS  ?=
# Most tests that take long wait for a server or a broken connection.
TESTFLAGS   ?= -parallel 16

# SQLite is C translated to Go: with checks of its pointers, which say nothing
# about our code, it takes much of the time of the tests.
RACE         = -race -gcflags=modernc.org/...=-d=checkptr=0

.PHONY: help build test race cover fuzz lint fmt tidy arch golden cross bench demo faults soak measure check

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the binary, ./imapfleet
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o imapfleet ./cmd/imapfleet

demo: build ## the main job on this machine: two embedded servers, 25 accounts
	./imapfleet demo

test: ## every test, with the race detector; real servers where they are installed
	$(GO) test $(RACE) -shuffle=on -timeout 20m $(TESTFLAGS) ./...

race: test ## the same

cover: ## coverage of the tests, in cover.html
	$(GO) test -coverprofile=cover.out -coverpkg=./... ./...
	$(GO) tool cover -html=cover.out -o cover.html

fuzz: ## each fuzz target: FUZZTIME for those that read lists and servers' lines, FUZZSHORT for others
	@set -e; $(GO) list ./... | while read -r pkg; do \
		dir=$$($(GO) list -f '{{.Dir}}' $$pkg); \
		for target in $$(cat $$dir/*_test.go 2>/dev/null | sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p'); do \
			case " $(FUZZLONG) " in *" $$target "*) time=$(FUZZTIME) ;; *) time=$(FUZZSHORT) ;; esac; \
			echo "fuzz $$pkg $$target for $$time"; \
			$(GO) test $$pkg -run '^$$' -fuzz "^$$target$$" -fuzztime $$time -fuzzminimizetime 20x </dev/null; \
		done; \
	done

lint: ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l cmd pkg); if [ -n "$$unformatted" ]; then echo "gofmt wants:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(STATICCHECK) ./...

fmt: ## format the code
	gofmt -w cmd pkg

tidy: ## go.mod and go.sum
	$(GO) mod tidy

arch: ## who imports whom, against the golden file
	@$(MAKE) -s imports | diff -u $(GOLDEN) - || { echo "the import graph changed: if that is meant, run 'make golden'"; exit 1; }

golden: ## write the golden import graph
	@$(MAKE) -s imports > $(GOLDEN)

.PHONY: imports
imports:
	@$(GO) list -f '{{.ImportPath}}{{range .Imports}} {{.}}{{end}}' ./... \
		| awk '{printf "%s:", $$1; for (i = 2; i <= NF; i++) if ($$i ~ /^github.com\/imapfleet\//) printf " %s", $$i; print ""}' \
		| sed 's|github.com/imapfleet/imapfleet/||g' | LC_ALL=C sort

cross: ## build for every platform
	@set -e; for p in $(PLATFORMS); do echo "build $$p"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -trimpath -o /dev/null ./cmd/imapfleet; done

bench: build ## against what two Dovecots can do at most, near and far; BENCH_DIR on a RAM disk leaves fsync out
	$(GO) run ./cmd/imapbench -imapfleet ./imapfleet $(BENCHFLAGS)
	$(GO) test -run '^$$' -bench . -benchmem ./pkg/...

FAULTS = FirstConnectionCut|EveryConnectionCut|LanesCut|FollowCutAnywhere|MergeCut|Stall|RandomResets|CutInLargeMessage|Outage|Storm

faults: ## connections, servers and the program broken at all the places of the full suite; some 20 minutes
	$(GO) test $(RACE) -timeout 60m $(TESTFLAGS) ./pkg/mailsync -run '$(FAULTS)' -faults.full
	$(GO) test $(RACE) -timeout 60m $(TESTFLAGS) ./cmd/imapfleet -run 'ConnectionsReset|ServerRestart|Quota|Kill9' -faults.full -kill9.instants 100

soak: ## users at work for 5 minutes on 500 accounts while everything breaks; then every message is proven
	$(GO) test -timeout 60m ./cmd/imapfleet -run TestSoak -v -soak.accounts 500 -soak.for 5m

measure: ## what is said of where time goes, and how long a run takes, against what was made slow; a quiet machine, some 20 minutes
	$(GO) test ./pkg/mailsync -run SpentNames -v -spent.full
	$(GO) test -timeout 60m ./cmd/imapfleet -run 'TestDiagnosis|TestPlanAccuracy' -v -diagnosis.full -plan.full
	$(GO) test -timeout 60m ./cmd/imapfleet -run 'TestPlanAccuracy' -v -plan.full -plan.probe

check: lint arch ## all of CI
	$(MAKE) test
	$(MAKE) fuzz
	$(MAKE) cross
	git diff --exit-code
