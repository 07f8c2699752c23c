# The image of the operator. Any base with a trust store and nothing else would do: the binary is static.
# BUILDER and BASE can be replaced where registry.access.redhat.com is mirrored. A release gives both by digest (make
# release-image); a tag is for builds of one's own.
ARG BUILDER=registry.access.redhat.com/ubi9/go-toolset:latest
ARG BASE=registry.access.redhat.com/ubi9/ubi-micro:latest

FROM --platform=$BUILDPLATFORM ${BUILDER} AS builder
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
# A compiler is part of the image that was chosen, and is never downloaded: a builder that is too old refuses the module.
# The cryptography is that of the validated Go Cryptographic Module, which is part of Go.
ENV GOTOOLCHAIN=local CGO_ENABLED=0 GOFIPS140=v1.0.0
USER root
WORKDIR /src
# What must-gather calls is the same program, by a name of its own.
RUN mkdir /links && ln -s /credential-rotation-operator /links/gather
# The modules first: they change less often than the code.
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
# Each label that the base has too is set, so that the image does not say that it is the base.
LABEL name="credential-rotation-operator" \
      com.redhat.component="credential-rotation-operator-container" \
      summary="Rotates the pull secret of an OpenShift cluster and keeps its short-lived AWS credentials fresh" \
      description="Rotates the pull secret of an OpenShift cluster and keeps its short-lived AWS credentials fresh" \
      version="${VERSION}" \
      release="1" \
      vendor="The credential-rotation-operator authors" \
      maintainer="The credential-rotation-operator authors" \
      url="https://github.com/openshift/credential-rotation-operator" \
      io.k8s.display-name="credential-rotation-operator" \
      io.k8s.description="Rotates the pull secret of an OpenShift cluster and keeps its short-lived AWS credentials fresh" \
      io.openshift.tags="openshift,operator,credentials,rotation" \
      org.opencontainers.image.source="https://github.com/openshift/credential-rotation-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="Apache-2.0"
# The roots that are trusted where the cluster gives no bundle of its own.
COPY --from=builder /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/pki/tls/certs/ca-bundle.crt
COPY --from=builder /credential-rotation-operator /credential-rotation-operator
COPY --from=builder /links/ /usr/bin/
COPY LICENSE /licenses/LICENSE
USER 65532:65532
ENTRYPOINT ["/credential-rotation-operator"]
