#!/bin/sh
# Prints the directory with etcd, kube-apiserver and kubectl for KUBEBUILDER_ASSETS; reports progress on standard error.
# The work is done by hack/assets (in Go: signals, locks and time limits are the same on every system).
set -eu
cd "$(dirname "$0")/../.."
mkdir -p bin
go build -o bin/assets ./hack/assets/cmd
exec bin/assets
