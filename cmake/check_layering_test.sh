#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Breaks each house rule in a tree of its own and expects the check to name it.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failed=0
expect() {  # FILE CONTENT SENTENCE
  rm -rf "$tree"/* && mkdir -p "$tree/include/blip/$(dirname "$1")"
  printf '%b' "$2" > "$tree/include/blip/$1"
  output=$(bash "$here/check_layering.sh" "$tree" 2>&1)
  if [ $? = 0 ] || ! grep -qF "$3" <<<"$output"; then echo "not found: $3"; printf '%s\n' "$output"; failed=1; fi
}
top='// SPDX-License-Identifier: Apache-2.0\n#pragma once\n'
expect ops/a.hpp "$top#include \"blip/layers/linear.hpp\"\n" "ops may not include layers"
expect layers/a.hpp "$top#include \"blip/blip.hpp\"\n" "includes the umbrella"
expect layers/a.hpp "$top#include \"blip/backend/cpu.hpp\"\n" "names a back end"
expect models/a.hpp "${top}device<cpu> d;\n" "names a back end"
expect ops/a.hpp "$top#include <Eigen/Core>\n" "Eigen belongs into backend/cpu"
expect backend/cpu/a.hpp "$top#include <Eigen/Dense>\n" "costs every user"
expect core/a.hpp "$top#include <iostream>\n" "costs every user"
expect core/a.hpp "$top#include <cuda_runtime.h>\n" "CUDA headers belong"
expect io/a.hpp "$top#include <range/v3/view/zip.hpp>\n" "range-v3 belongs"
expect core/a.hpp "#pragma once\n" "the first line is not the licence"
expect core/a.hpp "// SPDX-License-Identifier: Apache-2.0\n" "no #pragma once"
expect util/a.hpp "$top" "util is not in cmake/layering.txt"
expect core/a.hpp "$top$(printf '\\n%.0s' $(seq 401))" "more than 400"
[ $failed = 0 ] && echo "layering self-test: every broken rule was named"
exit $failed
