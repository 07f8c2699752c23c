#!/usr/bin/env bash
# Runs a build that names each package as it compiles it (go build -v), and shows the count: on one line of a terminal,
# otherwise a line for every hundred. All output is shown if the build fails.
# Usage: progress.sh NAME COMMAND...
set -uo pipefail
name=$1
shift
said=$(mktemp)
trap 'rm -f "$said"' EXIT
"$@" 2>&1 | {
  count=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$said"
    count=$((count + 1))
    if [[ -t 1 ]]; then
      printf '\r%s: %d packages compiled' "$name" "$count"
    elif ((count % 100 == 0)); then
      printf '%s: %d packages compiled\n' "$name" "$count"
    fi
  done
  if [[ -t 1 ]] && ((count > 0)); then echo; fi
}
code=${PIPESTATUS[0]}
if ((code)); then cat "$said" >&2; fi
exit "$code"
