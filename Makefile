# All tasks of this repository are targets here. A machine needs Go, make and git; the rest is provided.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -o pipefail -euc
.DEFAULT_GOAL := help

# The version of the product, in the binary and in the bundle, and the image that the manifests name, of hack/release/release.yaml.
VERSION ?= 0.1.0
IMG ?= $(shell sed -n 's/^image: //p' hack/release/release.yaml):v$(VERSION)
CONTAINER_TOOL ?= podman
# The images that the Dockerfile builds with and on, where they are not those that it names.
BUILDER ?=
BASE ?=
# Of what is built without a container engine: where it is written to, the base of the catalog's image, the registry in place of that
# of hack/release/release.yaml, the catalog of the release before, and who signs (keyless, or a key of cosign's).
DIST ?= dist
CATALOG_BASE ?=
REGISTRY ?=
CATALOG_FROM ?=
SIGN ?=
PLATFORMS ?=

# No C compiler is needed for anything but the race detector, and all cryptography is that of the validated Go Cryptographic Module.
export CGO_ENABLED := 0
export GOFIPS140 := v1.0.0

# The longest package is controllers/pullsecretrotation, with its walks.
TEST_TIMEOUT ?= 45m
# How long `make fuzz` stays with each target, and how many rounds `make deflake` runs.
FUZZTIME ?= 30s
ROUNDS ?= 10

TOOL := go tool -modfile=hack/tools/go.mod
# golangci-lint, built with the linter of Kubernetes' API conventions.
LINTER := golangci-lint-kube-api-linter
# Modules of their own, whose needs are no dependencies of the product.
MODULES := hack/bundle hack/release test/alerts test/gitops
GO_DIRS := api config controllers docs hack internal test main.go
VERSION_VARIABLE := github.com/openshift/credential-rotation-operator/internal/version.version
# Makes images and releases; its verb follows.
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
bundle: manifests ## Write the OLM bundle (bundle/) from config/.
	$(TOOL) kustomize build config/manifests | go run -C hack/bundle . -version $(VERSION) -image $(IMG) -out "$(CURDIR)/bundle"

##@ Checks

.PHONY: fmt
fmt: ## Format the Go code.
	gofmt -w $(wildcard $(GO_DIRS))

.PHONY: vet
vet: ## Run go vet.
	go vet ./...

.PHONY: lint
lint: ## Run golangci-lint with kube-api-linter (the first time it is compiled, which takes a few minutes).
	$(TOOL) $(LINTER) run --timeout 30m
	for module in $(MODULES); do (cd $$module && \
		go tool -modfile="$(CURDIR)/hack/tools/go.mod" $(LINTER) run --timeout 30m --config "$(CURDIR)/.golangci.yml"); done

.PHONY: verify
verify: ## Check that generated files, formatting and go.mod are up to date; says what to run if not.
	hack/verify.sh

.PHONY: vulnerabilities
vulnerabilities: ## Look for known vulnerabilities in what is linked in (needs vuln.go.dev, or a mirror in GOVULNDB).
	@$(TOOL) govulncheck $(if $(GOVULNDB),-db $(GOVULNDB)) ./... || { code=$$?; [[ $$code == 3 ]] || \
		echo "vulnerabilities: nothing was judged. Is the database reachable? GOVULNDB names a mirror of https://vuln.go.dev." >&2; exit $$code; }

.PHONY: licenses
licenses: ## List the licence of each module that is linked in; fails for one without, or with one that obliges whoever links it.
	hack/licenses.sh

##@ Tests

.PHONY: test
test: ## Run all tests, on a real control plane (found, downloaded or built first).
	$(WITH_ASSETS) go test -timeout $(TEST_TIMEOUT) ./...
	for module in $(MODULES); do go test -C $$module -count=1 ./...; done # Not cached: they test files outside of their modules.

.PHONY: test-unit
test-unit: ## Run the tests that need no control plane.
	go test ./api/... ./hack/... ./internal/...

.PHONY: test-race
test-race: ## Run the controllers' and internal's tests with the race detector (needs a C compiler; says so where there is none).
	@if ! command -v "$$(go env CC)" >/dev/null; then \
		echo "test-race: skipped, because the race detector needs a C compiler and $$(go env CC) is not here."; \
	else $(WITH_ASSETS) CGO_ENABLED=1 go test -race -short -timeout $(TEST_TIMEOUT) ./controllers/... ./internal/...; fi

.PHONY: test-fips
test-fips: ## Run the tests of internal/ with only the cryptography of FIPS 140-3.
	GODEBUG=fips140=only go test ./internal/...

.PHONY: e2e-fips
e2e-fips: build ## Run the end-to-end tests with an operator that nothing but approved cryptography is allowed (RUN=regexp chooses).
	printf '#!/usr/bin/env bash\nGODEBUG=fips140=only exec -a "$$0" "%s" "$$@"\n' "$(CURDIR)/bin/credential-rotation-operator" >bin/operator-fips && chmod +x bin/operator-fips
	OPERATOR_BINARY="$(CURDIR)/bin/operator-fips" $(MAKE) --no-print-directory e2e

.PHONY: e2e
e2e: ## Run the end-to-end tests, telling each as it runs (RUN=regexp chooses).
	$(WITH_ASSETS) go test -v -count=1 -timeout $(TEST_TIMEOUT) ./test/e2e/... $(if $(RUN),-run '$(RUN)')

.PHONY: bench
bench: ## Run the benchmarks.
	$(WITH_ASSETS) go test -run '^$$' -bench . -benchmem -timeout $(TEST_TIMEOUT) ./...

.PHONY: bench-peers
bench-peers: ## Lay the operator's cost beside that of the least that a program can do (PEERS_ARGS chooses; -help lists what).
	$(WITH_ASSETS); export KUBEBUILDER_ASSETS; go run ./test/bench/peers $(PEERS_ARGS)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s).
	hack/fuzz.sh $(FUZZTIME)

.PHONY: deflake
deflake: ## Run the tests in random order again and again, until one fails or ROUNDS (10) have passed.
	$(WITH_ASSETS); export KUBEBUILDER_ASSETS; for round in $$(seq $(ROUNDS)); do \
		echo "round $$round of $(ROUNDS)"; go test -count=1 -shuffle=on -failfast -timeout $(TEST_TIMEOUT) ./...; done

##@ Build and run

.PHONY: build
build: ## Build bin/credential-rotation-operator.
	go build -trimpath -ldflags '-s -w -X $(VERSION_VARIABLE)=v$(VERSION)' -o bin/credential-rotation-operator .

.PHONY: demo
demo: ## Watch a rotation and a refresh happen on a real API server (KEEP=1: stay up afterwards).
	@$(WITH_ASSETS); export KUBEBUILDER_ASSETS; echo "demo: compiling it; the first time this takes minutes, and modules are downloaded too"; \
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
		{ echo "release-image: $$image is no image by digest (name@sha256:...): what is released must be the same tomorrow" >&2; exit 1; }; done
	$(MAKE) --no-print-directory image

.PHONY: deploy
deploy: ## Install the operator, with the image IMG, into the cluster of your kubeconfig.
	sed 's|image: .*|image: $(IMG)|' config/install.yaml | kubectl apply --server-side -f -

.PHONY: undeploy
undeploy: ## Remove the operator and its kinds from the cluster of your kubeconfig.
	kubectl delete --ignore-not-found -f config/install.yaml

##@ Release, without a container engine

.PHONY: images
images: ## Build the operator's image for each platform into DIST, as an OCI layout (BASE=name@sha256:... or scratch).
	$(RELEASE) images $(RELEASE_FLAGS)

.PHONY: bundle-image
bundle-image: images ## Build the OLM bundle that names that image by digest, and the bundle's image.
	$(RELEASE) bundle-image $(RELEASE_FLAGS)

.PHONY: catalog
catalog: bundle-image ## Build the file-based catalog with that bundle (CATALOG_FROM: added to an older one), and its image.
	$(RELEASE) catalog $(RELEASE_FLAGS)

.PHONY: push
push: ## Push the images that are in DIST (REGISTRY=host/organisation, the same as they were built with).
	$(RELEASE) push $(RELEASE_FLAGS)

.PHONY: release
release: manifests ## Write everything that is published of VERSION into DIST (SIGN=keyless or a key: signed by cosign).
	$(RELEASE) release $(RELEASE_FLAGS)

.PHONY: verify-release
verify-release: ## Check what `make release` wrote, and build it once more elsewhere: the images must have the same digests.
	hack/release/verify.sh "$(DIST)" $(RELEASE_FLAGS)
