# The image for `oc adm must-gather --image=`: the operator's program under the name gather, and the few programs that oc calls in such an
# image, which are links to the toolbox. It is from scratch, so /bin is its own.
ARG BUILDER=registry.access.redhat.com/ubi9/go-toolset:latest

FROM --platform=$BUILDPLATFORM ${BUILDER} AS builder
ARG TARGETOS=linux
ARG TARGETARCH
ARG VERSION=devel
ENV GOTOOLCHAIN=local CGO_ENABLED=0 GOFIPS140=v1.0.0
USER root
WORKDIR /src
COPY go.mod go.sum ./
COPY hack/release hack/release
RUN go mod download && go mod -C hack/release download
COPY main.go ./
COPY api api
COPY config config
COPY controllers controllers
COPY docs docs
COPY internal internal
RUN GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath \
    -ldflags "-s -w -X github.com/openshift/credential-rotation-operator/internal/version.version=${VERSION}" \
    -o /gather .
RUN GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -C hack/release -trimpath -ldflags "-s -w" -o /toolbox ./toolbox
RUN mkdir /links && for name in $(cat hack/release/toolbox/programs.txt); do ln -s /toolbox /links/$name; done

FROM scratch
ARG VERSION=devel
LABEL name="credential-rotation-operator-must-gather" \
      com.redhat.component="credential-rotation-operator-must-gather-container" \
      summary="Collects what a support case about credential-rotation-operator needs" \
      description="Collects what a support case about credential-rotation-operator needs" \
      version="${VERSION}" \
      release="1" \
      vendor="The credential-rotation-operator authors" \
      maintainer="The credential-rotation-operator authors" \
      url="https://github.com/openshift/credential-rotation-operator" \
      io.k8s.display-name="credential-rotation-operator-must-gather" \
      io.k8s.description="Collects what a support case about credential-rotation-operator needs" \
      org.opencontainers.image.source="https://github.com/openshift/credential-rotation-operator" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=builder /gather /usr/bin/gather
COPY --from=builder /toolbox /toolbox
COPY --from=builder /links/ /bin/
COPY LICENSE /licenses/LICENSE
USER 65532:65532
ENTRYPOINT ["/usr/bin/gather"]
