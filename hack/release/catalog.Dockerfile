# The image of the file-based catalog. From scratch it is content alone, which OLM v1 reads, and OLM v0 by spec.grpcPodConfig.extractContent
# of a CatalogSource. With a base that has opm it serves itself.
ARG BASE=scratch
FROM ${BASE}

LABEL operators.operatorframework.io.index.configs.v1=/configs
COPY catalog /configs/
USER 65532:65532
ENTRYPOINT ["/bin/opm"]
CMD ["serve", "/configs", "--cache-dir=/tmp/cache"]
