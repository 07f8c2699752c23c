#!/usr/bin/env bash
# Checks a release against its own checksums and provenance, and by building its images again in another directory.
set -euo pipefail
cd "$(dirname "$0")/../.."

dist=$1
shift
go build -C hack/release -o "$PWD/bin/release" .
bin/release verify "$@" -out "$dist"
go test -C hack/bundle -count=1 -run "TestBundle_PassesTheValidation|TestRule_" . -args -bundle "$(realpath "$dist")/bundle"

if command -v opm >/dev/null; then
  opm validate "$dist/catalog"
fi

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | xargs -0 cp --parents -t "$copy"
bin/release images "$@" -root "$copy" -out "$copy/dist"
for image in operator must-gather; do
  if ! diff "$dist/images/$image/index.json" "$copy/dist/images/$image/index.json"; then
    echo "verify-release: a second build of the same source gave another image of $image" >&2
    exit 1
  fi
done
echo "verify-release: a second build gave the same images"
if command -v cosign >/dev/null && [[ -f "$dist/SHA256SUMS.sigstore.json" ]]; then
  echo "verify-release: check the signature with the release's public key: cosign verify-blob --bundle $dist/SHA256SUMS.sigstore.json $dist/SHA256SUMS"
fi
