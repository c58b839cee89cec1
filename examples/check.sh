#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check.sh EXPECTED PROGRAM [ARGUMENT ...]: every line of EXPECTED is a pattern that the program's output must hold.
set -uo pipefail
expected=$1
shift
output=$("$@") || { echo "exit status $?"; printf '%s\n' "$output"; exit 1; }
while IFS= read -r pattern; do
  grep -qE -- "$pattern" <<<"$output" || { echo "no line matches: $pattern"; printf '%s\n' "$output"; exit 1; }
done < "$expected"
