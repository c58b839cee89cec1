#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# extract_snippets.sh FOLDER PAGE...: writes each ```cpp block of the pages to FOLDER/<page>_<number>.cpp, prints the paths.
set -euo pipefail
folder=$1
shift
mkdir -p "$folder"
for page in "$@"; do
  name=$(basename "$page" .md)
  awk -v prefix="$folder/${name,,}" '
    /^```cpp$/ { file = prefix "_" ++n ".cpp"; print file; next }
    /^```/     { if (file) close(file); file = ""; next }
    file       { print > file }' "$page"
done
