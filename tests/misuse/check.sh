#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check.sh CASE.cpp COMPILER [OPTION ...]: with -DBLIP_MISUSE the case does not compile, and its first error is the expected one.
set -u
case=$1
shift
expected=$(sed -n '1s|^// expect: ||p' "$case")
[ -n "$expected" ] || { echo "$case: the first line must be '// expect: <sentence>'"; exit 1; }
if output=$(LC_ALL=C "$@" -DBLIP_MISUSE "$case" 2>&1); then
  echo "the misuse compiles"
  exit 1
fi
first=$(grep -m1 error <<<"$output")
case "$first" in
  *"$expected"*) echo "$first" ;;
  *) printf '%s\n' "expected in the first error line: $expected" "found: $first"; exit 1 ;;
esac
