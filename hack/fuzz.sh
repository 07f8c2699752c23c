#!/usr/bin/env bash
# Runs each fuzz target of the repository for the given time, one after the other: go test takes only one at a time.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}

grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' api controllers internal test |
  while IFS=: read -r file _ declaration; do
    target=${declaration#func }
    echo "fuzz: $target in $(dirname "$file") for $time"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")" </dev/null
  done
