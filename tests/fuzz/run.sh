#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Attacks the readers of untrusted files under the address and undefined-behaviour sanitizers, with clang:
#   bash tests/fuzz/run.sh all SECONDS         every target for so long, one after the other
#   bash tests/fuzz/run.sh TARGET SECONDS      one of them; TARGET is a folder of tests/fuzz/corpus
#   bash tests/fuzz/run.sh mutations COUNT     damaged copies of the sound inputs, COUNT for each target
# Prints executions, coverage (edges, features) and findings; the status is 1 when there are findings. They lie in
# build/fuzz/findings/TARGET: mend the fault and keep the input, made small by `build/fuzz/tests/blip_fuzz
# -minimize_crash=1`, as tests/fuzz/corpus/TARGET/finding-<what was wrong>.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# = 2 ] || { sed -n '5,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
what=$1 amount=$2 folder=build/fuzz
targets=$(cd tests/fuzz/corpus && ls -d -- */ | tr -d /)
if [ "$what" != all ] && [ "$what" != mutations ]; then
  grep -qx -- "$what" <<< "$targets" || { echo "no target $what; there are:" $targets >&2; exit 2; }
  targets=$what
fi

cmake -S . -B $folder -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_CXX_FLAGS="-O1 -g1" -DBLIP_FUZZ=ON \
  -DBLIP_SANITIZE=address,undefined -DBLIP_TEST_SET=core -DBLIP_EXAMPLES=OFF -DBLIP_INSTANCES=OFF > $folder.log 2>&1 ||
  { tail -n 30 $folder.log >&2; exit 1; }
cmake --build $folder --target "$([ "$what" = mutations ] && echo test_hostile || echo blip_fuzz)" > $folder.log 2>&1 ||
  { tail -n 30 $folder.log >&2; exit 1; }
export OMP_NUM_THREADS=1
if [ "$what" = mutations ]; then
  BLIP_MUTATIONS=$amount exec $folder/tests/test_hostile -d yes
fi

found=0
for target in $targets; do
  mkdir -p "$folder/inputs/$target" "$folder/findings/$target"
  log=$folder/findings/$target.log
  # The limit on memory is a coarse one; test_hostile holds every target to what it declares.
  BLIP_FUZZ_TARGET=$target $folder/tests/blip_fuzz "$folder/inputs/$target" "tests/fuzz/corpus/$target" \
    -dict=tests/fuzz/words.dict -max_total_time="$amount" -timeout=5 -rss_limit_mb=2048 -malloc_limit_mb=512 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$folder/findings/$target/" > "$log" 2>&1 && state=clean || state=FOUND
  [ $state = clean ] || found=1
  runs=$(sed -n 's/.*number_of_executed_units: *//p' "$log")
  printf '%-20s %9s runs, %s, %s\n' "$target" "$runs" "$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1)" $state
  [ $state = clean ] || grep -m 4 -E 'ERROR|SUMMARY|runtime error|what\(\)' "$log" || true
done
exit $found
