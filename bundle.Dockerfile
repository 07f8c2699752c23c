# The image of the OLM bundle: its labels repeat bundle/metadata/annotations.yaml.
FROM scratch

LABEL operators.operatorframework.io.bundle.mediatype.v1=registry+v1
LABEL operators.operatorframework.io.bundle.manifests.v1=manifests/
LABEL operators.operatorframework.io.bundle.metadata.v1=metadata/
LABEL operators.operatorframework.io.bundle.package.v1=credential-rotation-operator
LABEL operators.operatorframework.io.bundle.channels.v1=candidate,stable-v0
LABEL operators.operatorframework.io.bundle.channel.default.v1=stable-v0
LABEL com.redhat.openshift.versions=v4.14

COPY bundle/manifests /manifests/
COPY bundle/metadata /metadata/
