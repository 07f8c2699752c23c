#!/usr/bin/env bash
# Lists the modules that are linked into the operator, each with its licence, recognised by the text of its licence file.
set -euo pipefail
cd "$(dirname "$0")/.."

kind() { # of a licence's text
  local text=$1
  if grep -qiE 'GNU (AFFERO |LESSER |LIBRARY )?GENERAL PUBLIC LICENSE' "$text"; then echo GPL
  elif grep -qi 'Mozilla Public License' "$text"; then echo MPL
  elif grep -qi 'Apache License' "$text"; then echo Apache-2.0
  elif grep -qiE 'Permission is hereby granted, free of charge' "$text"; then echo MIT
  elif grep -qi 'Permission to use, copy, modify, and/\?o\?r\? \?distribute' "$text"; then echo ISC
  elif grep -qi 'Redistribution and use in source and binary forms' "$text"; then echo BSD
  else echo unknown; fi
}

failed=0
while read -r path version dir; do
  # A module inside a larger repository may have its licence only at the root, which the module cache does not contain.
  text=$(find "$dir" -maxdepth 1 -type f \( -iname 'LICENSE*' -o -iname 'LICENCE*' -o -iname 'COPYING*' \) | sort | head -n 1)
  if [[ -z "$text" ]]; then licence="none in the module"; else licence=$(kind "$text"); fi
  printf '%-70s %-40s %s\n' "$path" "$version" "$licence"
  case "$licence" in GPL | MPL | unknown) failed=1 ;; esac
done < <(go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' . | sort -u)

if ((failed)); then
  echo "licenses: check the modules with GPL, MPL or unknown: linking them may require more than a notice" >&2
  exit 1
fi
