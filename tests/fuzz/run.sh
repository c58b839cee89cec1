#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Attacks the readers of untrusted files under the address and undefined-behaviour sanitizers, with clang:
#   bash tests/fuzz/run.sh                        every target for 10 minutes, one after the other
#   bash tests/fuzz/run.sh all|TARGET [MINUTES]   all, or one of them: a folder of tests/fuzz/corpus; 0.5 is half a minute
#   bash tests/fuzz/run.sh mutations [COUNT]      damaged copies of the sound inputs, COUNT (10000) for each target: each
#                                                 is read or refused by an error of ours, within a second
# Prints a Markdown table: executions, coverage (edges, features), inputs found, findings; the status is 1 when there are
# findings. They lie in build/fuzz/findings/TARGET: mend the fault and keep the input, made small by
# `build/fuzz/tests/blip_fuzz -minimize_crash=1`, as tests/fuzz/corpus/TARGET/finding-<what was wrong>.
# CMAKE_BUILD_PARALLEL_LEVEL=1 builds with one compiler at a time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
what=${1:-all} folder=build/fuzz
amount=${2:-$([ "$what" = mutations ] && echo 10000 || echo 10)}
[[ $# -le 2 && $amount =~ ^[0-9]*\.?[0-9]+$ ]] || { sed -n '5,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
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
  BLIP_MUTATIONS=$amount exec $folder/tests/test_hostile
fi

# attack TARGET SECONDS ARGUMENTS...: libFuzzer's program on one target; the limit on memory is a coarse one, test_hostile
# holds every target to what it declares.
attack() {
  BLIP_FUZZ_TARGET=$1 $folder/tests/blip_fuzz "${@:3}" -dict=tests/fuzz/words.dict -max_total_time="$2" -timeout=5 \
    -rss_limit_mb=2048 -malloc_limit_mb=512 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$folder/findings/$1/" 2>&1
}

found=0
printf '| target | seconds | executions | edges | features | inputs | findings |\n|---|---|---|---|---|---|---|\n'
for target in $targets; do
  inputs=$folder/inputs/$target kept=$folder/findings/$target log=$folder/findings/$target.log
  mkdir -p "$inputs" "$kept"
  : > "$log"
  begin=$SECONDS end=$(awk -v m="$amount" -v s=$SECONDS 'BEGIN { printf "%d", s + 60 * m + 0.999 }') findings=0
  while [ $SECONDS -lt "$end" ]; do
    touch "$kept.begin"
    attack "$target" $((end - SECONDS)) "$inputs" "tests/fuzz/corpus/$target" >> "$log" && break
    # A program that the machine held up looks like one that hangs: what took long takes long again, or is no finding.
    input=$(find "$kept" -type f -newer "$kept.begin" ! -name 'slow-unit-*' | head -n 1)
    case ${input##*/} in
      timeout-*) attack "$target" 60 "$input" >> "$log" && rm "$input" && continue ;;
    esac
    findings=$((findings + 1)) found=1
    break
  done
  rm -f "$kept.begin"
  runs=$(awk '/number_of_executed_units/ { n += $2 } END { print n + 0 }' "$log")
  read -r edges features <<< "$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$log" | tail -n 1 | awk '{ print $2, $4 }')"
  printf '| %s | %d | %d | %s | %s | %d | %s |\n' "$target" $((SECONDS - begin)) "$runs" "${edges:-0}" "${features:-0}" \
    "$(find "$inputs" -type f | wc -l)" "$([ $findings = 0 ] && echo none || echo "$kept")"
  [ $findings = 0 ] || grep -m 4 -E 'ERROR|SUMMARY|runtime error|what\(\)' "$log" >&2 || true
done
exit $found
