#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_layering.sh ROOT: holds the includes, lengths and first lines of ROOT's sources against the house rules.
set -u
root=$1
rules="$(dirname "${BASH_SOURCE[0]}")/layering.txt"
failed=0
say() { echo "$1"; failed=1; }
declare -A allowed
while IFS=: read -r folder may; do
  folder=${folder//[[:space:]]/}
  case "$folder" in ''|'#'*) continue ;; esac
  allowed[$folder]=" $folder $may "
done < "$rules"

cd "$root/include/blip" || exit 1
while IFS= read -r file; do
  folder=${file%%/*}
  [ "$folder" = "$file" ] && folder=top
  [ "$folder" = top ] || [ -n "${allowed[$folder]:-}" ] || say "$file: $folder is not in cmake/layering.txt"
  head -n1 "$file" | grep -qx '// SPDX-License-Identifier: Apache-2.0' || say "$file: the first line is not the licence"
  grep -qx '#pragma once' "$file" || say "$file: no #pragma once"
  lines=$(wc -l < "$file")
  [ "$lines" -le 400 ] || say "$file: $lines lines, more than 400"
  while IFS= read -r include; do
    case "$include" in
      blip/blip.hpp) say "$file: includes the umbrella" ;;
      blip/*/*)
        to=${include#blip/}; to=${to%%/*}
        if [ "$folder" != top ]; then
          case "${allowed[$folder]:-}" in *" $to "*|*'*'*) ;; *) say "$file: $folder may not include $to ($include)" ;; esac
        fi
        case "$include:$folder" in
          blip/backend/cpu*:backend|blip/backend/cuda*:backend|blip/backend/reference*:backend|blip/backend/reference*:io) ;;
          blip/backend/cpu*:*|blip/backend/cuda*:*|blip/backend/reference*:*) say "$file: names a back end ($include)" ;;
        esac ;;
      blip/fwd.hpp) ;;
      blip/*) say "$file: no folder in $include" ;;
      Eigen/Dense|range/v3/all.hpp|iostream|regex) say "$file: includes <$include>, which costs every user" ;;
      Eigen/*) case "$file" in backend/cpu/*) ;; *) say "$file: Eigen belongs into backend/cpu" ;; esac ;;
      cuda*|cublas*|cudnn*) case "$file" in backend/cuda/*.cuh) ;; *) say "$file: CUDA headers belong into backend/cuda/*.cuh" ;; esac ;;
      range/*) case "$folder" in data|eval|train) ;; *) say "$file: range-v3 belongs into data, eval, train" ;; esac ;;
    esac
  done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]([^>"]+)[>"].*/\1/p' "$file")
  case "$folder" in
    layers|losses|optim|models|generate)
      grep -nE '\b(cpu|cuda|reference)<|kernels<(cpu|cuda)>|device<(cpu|cuda)>' "$file" | while IFS= read -r hit; do echo "$file: names a back end: $hit"; done | grep . && failed=1 ;;
  esac
done < <(find . -type f \( -name '*.hpp' -o -name '*.cuh' \) | sed 's|^\./||' | sort)

cd "$root" || exit 1
while IFS= read -r file; do
  lines=$(wc -l < "$file")
  [ "$lines" -le 400 ] || say "$file: $lines lines, more than 400"
done < <(find examples -type f 2>/dev/null)
while IFS= read -r file; do
  grep -E '#include "blip/' "$file" | grep -vE 'blip/(core|backend/cuda)/' | grep . && say "$file: a .cu file includes core and backend/cuda only"
done < <(find . -path ./build -prune -o -type f -name '*.cu' -print 2>/dev/null)
[ $failed = 0 ] && echo "layering: every rule holds"
exit $failed
