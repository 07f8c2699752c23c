# The image of the operator. The binary is static: the base needs only a trust store.
# BUILDER and BASE can be replaced where registry.access.redhat.com is mirrored. A release sets both by digest (make
# release-image); tags are for local builds.
ARG BUILDER=registry.access.redhat.com/ubi9/go-toolset:latest
ARG BASE=registry.access.redhat.com/ubi9/ubi-micro:latest

FROM --platform=$BUILDPLATFORM ${BUILDER} AS builder
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
# GOTOOLCHAIN=local: no other compiler is downloaded, so a builder that is too old fails.
# The cryptography is that of the validated Go Cryptographic Module, which is part of Go.
ENV GOTOOLCHAIN=local CGO_ENABLED=0 GOFIPS140=v1.0.0
USER root
WORKDIR /src
# Under the name gather the same program collects what a support case needs; must-gather has an image of its own.
RUN mkdir /links && ln -s /credential-rotation-operator /links/gather
# Modules first, because they change less often than the code.
COPY go.mod go.sum ./
RUN go mod download
COPY main.go ./
COPY api api
COPY config config
COPY controllers controllers
COPY docs docs
COPY internal internal
RUN GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath \
    -ldflags "-s -w -X github.com/openshift/credential-rotation-operator/internal/version.version=${VERSION}" \
    -o /credential-rotation-operator .

FROM ${BASE}
ARG BASE
ARG VERSION=devel
# Labels of the base image are overwritten, so that the image does not identify itself as its base.
LABEL name="credential-rotation-operator" \
      com.redhat.component="credential-rotation-operator-container" \
      summary="Rotates the pull secret of an OpenShift cluster and refreshes its short-lived AWS credentials" \
      description="Rotates the pull secret of an OpenShift cluster and refreshes its short-lived AWS credentials" \
      version="${VERSION}" \
      release="1" \
      vendor="The credential-rotation-operator authors" \
      maintainer="The credential-rotation-operator authors" \
      url="https://github.com/openshift/credential-rotation-operator" \
      io.k8s.display-name="credential-rotation-operator" \
      io.k8s.description="Rotates the pull secret of an OpenShift cluster and refreshes its short-lived AWS credentials" \
      io.openshift.tags="openshift,operator,credentials,rotation" \
      org.opencontainers.image.source="https://github.com/openshift/credential-rotation-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="Apache-2.0"
# The CA certificates that are trusted if the cluster provides no bundle.
COPY --from=builder /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/pki/tls/certs/ca-bundle.crt
COPY --from=builder /credential-rotation-operator /credential-rotation-operator
COPY --from=builder /links/ /usr/bin/
COPY LICENSE /licenses/LICENSE
USER 65532:65532
ENTRYPOINT ["/credential-rotation-operator"]
