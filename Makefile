# All tasks of this repository. A machine needs Go, make and git; everything else is provided.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -o pipefail -euc
.DEFAULT_GOAL := help

# The version in the binary and in the bundle. The image that the manifests name comes from hack/release/release.yaml.
VERSION ?= 0.1.0
IMG ?= $(shell sed -n 's/^image: //p' hack/release/release.yaml):v$(VERSION)
MUST_GATHER_IMG ?= $(shell sed -n 's/^mustGatherImage: //p' hack/release/release.yaml):v$(VERSION)
CONTAINER_TOOL ?= podman
# Replacements for the Dockerfile's builder and base images.
BUILDER ?=
BASE ?=
# For builds without a container engine: the output directory, the base of the catalog's image, the registry instead of that of
# hack/release/release.yaml, the previous release's catalog, and the signature (keyless, or a cosign key).
DIST ?= dist
CATALOG_BASE ?=
REGISTRY ?=
CATALOG_FROM ?=
SIGN ?=
PLATFORMS ?=

# Only the race detector needs a C compiler. All cryptography is that of the validated Go Cryptographic Module.
export CGO_ENABLED := 0
export GOFIPS140 := v1.0.0

# The longest package is controllers/pullsecretrotation, with its walks.
TEST_TIMEOUT ?= 45m
# How long `make fuzz` runs each target, and how many rounds `make deflake` runs.
FUZZTIME ?= 30s
KEEP ?= 0
ONLY ?=
ROUNDS ?= 10

TOOL := go tool -modfile=hack/tools/go.mod
# golangci-lint, built with the linter of Kubernetes' API conventions.
LINTER := golangci-lint-kube-api-linter
# Separate modules, so that their dependencies are not the product's.
MODULES := hack/bundle hack/release test/alerts test/gitops
GO_DIRS := api config controllers docs hack internal test main.go
VERSION_VARIABLE := github.com/openshift/credential-rotation-operator/internal/version.version
# Builds images and releases; a subcommand follows.
RELEASE = go build -C hack/release -o "$(CURDIR)/bin/release" . && bin/release
RELEASE_FLAGS = -root . -out "$(DIST)" -version "$(VERSION)" $(if $(BASE),-base "$(BASE)") $(if $(CATALOG_BASE),-catalog-base "$(CATALOG_BASE)") \
	$(if $(REGISTRY),-registry "$(REGISTRY)") $(if $(CATALOG_FROM),-from "$(CATALOG_FROM)") $(if $(SIGN),-sign "$(SIGN)") $(if $(PLATFORMS),-platforms "$(PLATFORMS)")
# Runs what follows it with the directory of etcd and kube-apiserver in KUBEBUILDER_ASSETS.
WITH_ASSETS := assets="$$(hack/controlplane/assets.sh)"; KUBEBUILDER_ASSETS="$$assets"

##@ General

.PHONY: help
help: ## Show the targets.
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile

.PHONY: presubmit
presubmit: verify lint test test-race ## Everything that must pass before a change lands: verify, lint, test, test-race.

.PHONY: clean
clean: ## Remove what was built in this checkout (not the control plane, which is kept in the user's cache).
	rm -rf bin dist

##@ Generated files

.PHONY: generate
generate: ## Write api/v1alpha1/zz_generated.deepcopy.go.
	$(TOOL) controller-gen object:headerFile=hack/boilerplate.go.txt paths=./api/...

.PHONY: manifests
manifests: ## Write the CRDs (config/crd/bases), config/install.yaml and config/monitoring.yaml.
	$(TOOL) controller-gen crd:generateEmbeddedObjectMeta=true paths=./api/... output:crd:dir=config/crd/bases
	$(TOOL) kustomize build config/default > config/install.yaml.new && mv config/install.yaml.new config/install.yaml
	$(TOOL) kustomize build config/prometheus > config/monitoring.yaml.new && mv config/monitoring.yaml.new config/monitoring.yaml

.PHONY: bundle
bundle: manifests ## Write the OLM bundle (bundle/) from config/, and the rights with which OLM v1 installs it.
	$(TOOL) kustomize build config/manifests | go run -C hack/bundle . -version $(VERSION) -image $(IMG) -must-gather-image $(MUST_GATHER_IMG) \
		-out "$(CURDIR)/bundle" -installer "$(CURDIR)/config/olm-v1/installer.yaml"

##@ Checks

.PHONY: fmt
fmt: ## Format the Go code.
	gofmt -w $(wildcard $(GO_DIRS))

.PHONY: vet
vet: ## Run go vet.
	go vet ./...

.PHONY: lint
lint: ## Run golangci-lint with kube-api-linter (compiles it the first time, which takes a few minutes).
	$(TOOL) $(LINTER) run --timeout 30m
	for module in $(MODULES); do (cd $$module && \
		go tool -modfile="$(CURDIR)/hack/tools/go.mod" $(LINTER) run --timeout 30m --config "$(CURDIR)/.golangci.yml"); done

.PHONY: verify
verify: ## Check that generated files, formatting and go.mod are up to date, and print what to run if not.
	hack/verify.sh

.PHONY: vulnerabilities
vulnerabilities: ## Check the linked modules for known vulnerabilities (needs vuln.go.dev, or a mirror in GOVULNDB).
	@$(TOOL) govulncheck $(if $(GOVULNDB),-db $(GOVULNDB)) ./... || { code=$$?; [[ $$code == 3 ]] || \
		echo "vulnerabilities: the check did not run. Is the database reachable? Set GOVULNDB to a mirror of https://vuln.go.dev if not." >&2; exit $$code; }

.PHONY: licenses
licenses: ## List the licence of each linked module; fail if one is missing or is not permissive.
	hack/licenses.sh

##@ Tests

.PHONY: test
test: ## Run all tests, on a real control plane (found, downloaded or built first).
	$(MAKE) --no-print-directory --keep-going test-packages test-simulations test-modules

.PHONY: test-packages
test-packages:
	$(WITH_ASSETS) go test -timeout $(TEST_TIMEOUT) ./...

.PHONY: test-simulations
test-simulations: # The Go Cryptographic Module's random numbers cannot be seeded.
	GOFIPS140=off go test -timeout $(TEST_TIMEOUT) ./test/simulation/pullsecret ./test/simulation/capset

.PHONY: test-modules
test-modules: # Not cached, because they test files outside of their modules.
	failed=; for module in $(MODULES); do go test -C $$module -count=1 ./... || failed=1; done; [[ -z $$failed ]]

.PHONY: test-unit
test-unit: ## Run the tests that need no control plane.
	go test ./api/... ./hack/... ./internal/...

.PHONY: test-race
test-race: ## Run the controllers' and internal's tests with the race detector (skipped without a C compiler).
	@if ! command -v "$$(go env CC)" >/dev/null; then \
		echo "test-race: skipped: the race detector needs a C compiler, and $$(go env CC) was not found."; \
	else $(WITH_ASSETS) CGO_ENABLED=1 go test -race -short -timeout $(TEST_TIMEOUT) ./controllers/... ./internal/...; fi

.PHONY: test-fips
test-fips: ## Run the tests of internal/ with only the cryptography of FIPS 140-3.
	GODEBUG=fips140=only go test ./internal/...

.PHONY: e2e-fips
e2e-fips: build ## Run the end-to-end tests with an operator restricted to approved cryptography (RUN=regexp selects).
	printf '#!/usr/bin/env bash\nGODEBUG=fips140=only exec -a "$$0" "%s" "$$@"\n' "$(CURDIR)/bin/credential-rotation-operator" >bin/operator-fips && chmod +x bin/operator-fips
	OPERATOR_BINARY="$(CURDIR)/bin/operator-fips" $(MAKE) --no-print-directory e2e

.PHONY: e2e
e2e: ## Run the end-to-end tests with verbose output (RUN=regexp selects).
	$(WITH_ASSETS) go test -v -count=1 -timeout $(TEST_TIMEOUT) ./test/e2e/... $(if $(RUN),-run '$(RUN)')

.PHONY: fleet-simulation
fleet-simulation: ## Simulate a rotation of one account's CLUSTERS (1,50,1000,10000) and print what OCM is asked.
	CLUSTERS=$(CLUSTERS) go test ./controllers/pullsecretrotation -count=1 -v -run 'TestBudget_(OneAccount|Thirteen)'

.PHONY: bench
bench: ## Run the benchmarks.
	$(WITH_ASSETS) go test -run '^$$' -bench . -benchmem -timeout $(TEST_TIMEOUT) ./...

.PHONY: bench-peers
bench-peers: ## Compare the operator's cost with that of a minimal program (PEERS_ARGS='-help' lists the options).
	$(WITH_ASSETS); export KUBEBUILDER_ASSETS; go run ./test/bench/peers $(PEERS_ARGS)

# What `make simulate` runs: SEEDS histories of each KIND from seed FROM on, or one SEED of a KIND with its journal, of STEPS steps each.
KIND ?= pullsecret capset
FROM ?= 1
STEPS ?= 60
.PHONY: simulate
simulate: ## Explore each KIND (pullsecret, capset) in SEEDS random histories (100), or replay SEED of a KIND with STEPS steps.
	for kind in $(KIND); do \
		GOFIPS140=off go test ./test/simulation/$$kind -run '^TestSimulate$$' -v -count=1 -timeout 0 -args \
			$(if $(SEED),-seed $(SEED),-seeds $(or $(SEEDS),100) -from $(FROM)) -steps $(STEPS) || exit 1; done

.PHONY: failover
failover: ## Take the leader away RUNS (200) times, at each step, with a Lease of LEASE (4s), and print what came of it.
	$(WITH_ASSETS) go test ./test/faults -run '^TestFailover$$' -v -count=1 -timeout 0 -args -runs $(or $(RUNS),200) -lease $(or $(LEASE),4s)

.PHONY: faults
faults: ## Let a rotation and a refresh become due during each of many faults (ONLY=regexp), and print what came of it.
	$(WITH_ASSETS) go test ./test/faults -run '^TestFaults$$' -v -count=1 -timeout 0 -args -all $(if $(ONLY),-only '$(ONLY)')

.PHONY: soak
soak: ## Let the operator do a day's work (CYCLES=48 rotations and refreshes, each with a fault), and print what the process holds.
	$(WITH_ASSETS) go test ./test/faults -run '^TestSoak$$' -v -count=1 -timeout 0 -args -cycles $(or $(CYCLES),48)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s, or 10000000x); ONLY=regexp chooses, KEEP=n keeps inputs.
	KEEP=$(KEEP) hack/fuzz.sh $(FUZZTIME) '$(ONLY)'

.PHONY: mutate
mutate: ## Change the code of PACKAGE in one place at a time, and list what its tests do not notice (MUTATE_ARGS: -every 10, -run, -least 95).
	go run ./hack/mutate $(MUTATE_ARGS) $(PACKAGE)

.PHONY: defect
defect: ## Take back the mend of each defect of test/defects (NAME=one of them), and show which test notices.
	go run ./hack/defect $(NAME)

.PHONY: deflake
deflake: ## Run the tests in random order until one fails, or ROUNDS (10) times.
	$(WITH_ASSETS); export KUBEBUILDER_ASSETS; for round in $$(seq $(ROUNDS)); do \
		echo "round $$round of $(ROUNDS)"; go test -count=1 -shuffle=on -failfast -timeout $(TEST_TIMEOUT) ./...; done

##@ Build and run

.PHONY: build
build: ## Build bin/credential-rotation-operator.
	go build -trimpath -ldflags '-s -w -X $(VERSION_VARIABLE)=v$(VERSION)' -o bin/credential-rotation-operator .

.PHONY: demo
demo: ## Watch a rotation and a refresh happen on a real API server (KEEP=1: stay up afterwards).
	@$(WITH_ASSETS); export KUBEBUILDER_ASSETS; echo "demo: compiling; the first time this downloads modules and takes minutes"; \
		hack/progress.sh demo go build -v -o bin/demo ./hack/demo; KEEP='$(KEEP)' exec bin/demo

.PHONY: run
run: build ## Run the operator on this machine against the cluster of your kubeconfig.
	POD_NAMESPACE=openshift-credential-rotation-operator bin/credential-rotation-operator manager

.PHONY: image
image: ## Build the container image IMG with CONTAINER_TOOL.
	$(CONTAINER_TOOL) build --build-arg VERSION=v$(VERSION) $(if $(BUILDER),--build-arg BUILDER=$(BUILDER)) $(if $(BASE),--build-arg BASE=$(BASE)) -t $(IMG) .

.PHONY: release-image
release-image: ## Build IMG with CONTAINER_TOOL, and BUILDER and BASE by digest.
	@for image in 'BUILDER=$(BUILDER)' 'BASE=$(BASE)'; do [[ "$$image" =~ @sha256:[0-9a-f]{64}$$ ]] || \
		{ echo "release-image: $$image is not an image by digest (name@sha256:...), which a reproducible release needs" >&2; exit 1; }; done
	$(MAKE) --no-print-directory image

.PHONY: deploy
deploy: ## Install the operator, with the image IMG, into the cluster of your kubeconfig.
	sed 's|image: .*|image: $(IMG)|' config/install.yaml | kubectl apply --server-side -f -

.PHONY: undeploy
undeploy: ## Remove the operator and its kinds from the cluster of your kubeconfig.
	kubectl delete --ignore-not-found -f config/install.yaml

##@ Release, without a container engine

.PHONY: images
images: ## Build the images of the operator and for must-gather for each platform into DIST, as OCI layouts (BASE=name@sha256:... or scratch).
	$(RELEASE) images $(RELEASE_FLAGS)

.PHONY: bundle-image
bundle-image: images ## Build the OLM bundle that names that image by digest, and the bundle's image.
	$(RELEASE) bundle-image $(RELEASE_FLAGS)

.PHONY: catalog
catalog: bundle-image ## Build the file-based catalog with that bundle (CATALOG_FROM: extend an older one), and its image.
	$(RELEASE) catalog $(RELEASE_FLAGS)

.PHONY: push
push: ## Push the images in DIST (REGISTRY=host/organisation, as for the build).
	$(RELEASE) push $(RELEASE_FLAGS)

.PHONY: release
release: manifests ## Write all files of the release VERSION into DIST (SIGN=keyless or a key: sign with cosign).
	$(RELEASE) release $(RELEASE_FLAGS)

.PHONY: verify-release
verify-release: ## Check what `make release` wrote, and check that a second build gives the same digests.
	hack/release/verify.sh "$(DIST)" $(RELEASE_FLAGS)
