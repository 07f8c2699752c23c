#!/usr/bin/env bash
# Regenerates everything in a copy, so that the checkout stays unchanged, and prints what to run for each difference.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
failed=0

echo "verify: regenerating in a copy"
cp -R Makefile go.mod go.sum api config bundle hack "$copy"
if ! make -C "$copy" --no-print-directory generate bundle >"$copy/.log" 2>&1; then
  cat "$copy/.log"
  echo "verify: the files could not be regenerated"
  exit 1
fi
for path in api config bundle; do
  if ! git --no-pager diff --no-index --exit-code --stat --patch -- "$path" "$copy/$path"; then
    failed=1
    echo "verify: $path/ is outdated (- committed, + generated): run 'make generate bundle' and commit the result"
  fi
done

echo "verify: generated files are committed"
generated=(config/install.yaml config/monitoring.yaml config/olm-v1/installer.yaml config/crd/bases bundle api/v1alpha1/zz_generated.deepcopy.go)
changed=$(git status --porcelain --untracked-files=all -- "${generated[@]}")
if [[ -n "$changed" && -n "${CI:-}" ]]; then
  failed=1
  echo "$changed"
  echo "verify: these generated files are not committed: commit them"
fi

echo "verify: Go code is formatted"
unformatted=$(git ls-files --cached --others --exclude-standard -- '*.go' | xargs gofmt -l)
if [[ -n "$unformatted" ]]; then
  failed=1
  echo "$unformatted"
  echo "verify: these files are not formatted: run 'make fmt'"
fi

echo "verify: go.mod is tidy"
for module in . hack/bundle hack/release test/alerts test/gitops; do
  if ! (cd "$module" && go mod tidy -diff); then
    failed=1
    echo "verify: $module/go.mod is not tidy: run 'go mod tidy' in $module"
  fi
done

if ((failed)); then
  exit 1
fi
echo "verify: all is up to date"
