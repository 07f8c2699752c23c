#!/usr/bin/env bash
# Runs each fuzz target of the repository for the given time (30s) or number of executions (10000000x), one after the other. KEEP=n copies up to n
# of the inputs that reached new code into the repository, where every test run reads them again.
#
# What the product's own code does with an input guides the search. `go test -fuzz` counts that of every package that is linked as well, which
# makes an execution four times as dear.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
time=${1:-30s} only=${2:-} keep=${KEEP:-0}
module=$(go list -m)
cache="$(go env GOCACHE)/fuzz/$module"
found=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile FOLDER: the tests of a package, once.
compile() {
  local binary="$work/${1//\//.}.test"
  [[ -x $binary ]] || go test -c -gcflags="$module/...=-d=libfuzzer" -o "$binary" "./$1" >&2
  echo "$binary"
}

# keep_corpus FOLDER TARGET: inputs of at most three kilobytes, from the whole range of sizes.
keep_corpus() {
  local from="$cache/$1/$2" to="$1/testdata/fuzz/$2"
  [[ $keep -gt 0 && -d $from ]] || return 0
  mkdir -p "$to"
  find "$from" -type f -size -3000c -printf '%s %p\n' | sort -n | awk -v keep="$keep" '{path[NR] = $2} END {
    step = NR > keep ? NR / keep : 1; for (i = 1; i <= NR; i += step) print path[int(i)] }' |
    while read -r file; do cp "$file" "$to/"; done
}

while IFS=: read -r file _ declaration; do
  target=${declaration#func } folder=$(dirname "$file")
  [[ -z $only || $target =~ $only || $folder =~ $only ]] || continue
  result="no finding"
  echo "fuzz: $target in $folder for $time"
  binary=$(compile "$folder")
  mkdir -p "$cache/$folder"
  (cd "$folder" && "$binary" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "$time" -test.fuzzminimizetime 100x \
    -test.fuzzcachedir "$cache/$folder" </dev/null 2>&1) | tee "$work/log" || { found=1 result=finding; }
  executions=$(grep -oE 'execs: [0-9]+' "$work/log" | tail -n 1)
  echo "| \`$target\` | \`$folder\` | ${executions#execs: } | $result |" >>"$work/table"
  keep_corpus "$folder" "$target"
done < <(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' api controllers internal test | sort)
printf '| Target | Package | Executions | Result |\n|---|---|---|---|\n'
cat "$work/table" 2>/dev/null
exit $found
