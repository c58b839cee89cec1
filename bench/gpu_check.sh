#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu_check.sh FOLDER: everything that needs a GPU, in less than nine minutes, the build included: ceilings of the GPU,
# parity of every kernel with the reference, golden cases, NVIDIA's four sanitizers on tiny shapes, times of the goals'
# workloads beside PyTorch. FOLDER gets report.md, report.json and a log of each phase.
# Exit status: 0 all that ran passed, 1 something failed, 2 usage, 3 no GPU.
# BLIP_GPU_BUILD: where to build (build/gpu); PYTHON: one with torch and CUDA (python3).
set -u
if [ $# -ne 1 ] || [ "${1#-}" != "$1" ] || [ -z "$1" ]; then
  echo 'usage: gpu_check.sh FOLDER' >&2
  exit 2
fi
if ! command -v nvidia-smi > /dev/null || ! nvidia-smi -L 2> /dev/null | grep -q '^GPU '; then
  echo 'gpu_check: no GPU answers on this machine, so nothing was checked.' >&2
  exit 3
fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "$1" && folder=$(cd "$1" && pwd) || { echo "gpu_check: cannot write to $1" >&2; exit 2; }
build=${BLIP_GPU_BUILD:-$root/build/gpu}
python=${PYTHON:-python3}
most=525  # seconds in all; what is left bounds every phase
SECONDS=0 failed=0 skipped=0 phases=''

# note NAME STATE SECONDS
note() {
  phases+="$1|$2|$3"$'\n'
  echo "$1: $2 ($3 s)"
  case $2 in passed) ;; skipped*) skipped=$((skipped + 1)) ;; *) failed=1 ;; esac
}
# phase NAME CAP COMMAND...: runs it for at most CAP seconds; its output goes to NAME.log.
phase() {
  local name=$1 cap=$2 begun=$SECONDS left=$((most - SECONDS)) status; shift 2
  [ $left -lt "$cap" ] && cap=$left
  [ "$cap" -lt 1 ] && { note "$name" 'out of time' 0; return 1; }
  timeout --kill-after=5 "$cap" "$@" > "$folder/$name.log" 2>&1
  status=$?
  case $status in
    0) note "$name" passed $((SECONDS - begun)) ;;
    77) note "$name" 'skipped by the program' $((SECONDS - begun)) ;;
    124 | 137) note "$name" 'out of time' $((SECONDS - begun)) ;;
    *) note "$name" "failed with $status" $((SECONDS - begun)) ;;
  esac
  return $status
}

rm -f "$folder"/*.log "$folder"/goals_?.json "$folder"/peers.json "$folder"/report.*
cd "$root" || exit 1
phase configure 60 cmake --preset gpu -B "$build" &&
  phase build 240 cmake --build "$build" --target gpu_programs --parallel "$(nproc)" -- -k 0
programs=$build/tests
phase ceilings 20 "$programs/gpu_ceilings"
phase parity 100 ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 60
for tool in memcheck racecheck synccheck initcheck; do
  if command -v compute-sanitizer > /dev/null; then
    phase "$tool" 25 compute-sanitizer --tool "$tool" --error-exitcode 99 "$programs/test_gpu" '[cuda]~[train]'
  else
    note "$tool" 'skipped: no compute-sanitizer on the path' 0
  fi
done
# Ours, theirs, ours again: a GPU that grew warm or slow shows.
phase goals_1 110 "$programs/gpu_goals" --save "$folder/goals_1.json"
if "$python" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
  phase peers 90 "$python" "$root/bench/peers/gpu_goals.py" --save "$folder/peers.json"
else
  note peers 'skipped: no Python with torch and CUDA' 0
fi
phase goals_2 110 "$programs/gpu_goals" --save "$folder/goals_2.json"

device=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1)
verdict=passed
[ $failed = 0 ] || verdict=failed
[ $skipped = 0 ] || verdict+=", $skipped phases skipped"
# one FILE: its JSON, or null when there is none.
one() { if [ -s "$folder/$1" ]; then cat "$folder/$1"; else echo null; fi; }
ceilings=$(grep -s '^{' "$folder/ceilings.log" | head -n 1)
{
  printf '{"device": "%s", "commit": "%s", "verdict": "%s", "seconds": %d, "phases": [' "$device" \
    "$(git rev-parse HEAD 2> /dev/null)" "$verdict" "$SECONDS"
  between=''
  while IFS='|' read -r name state took; do
    [ -n "$name" ] || continue
    printf '%s\n {"name": "%s", "state": "%s", "seconds": %d}' "$between" "$name" "$state" "$took"
    between=,
  done <<< "$phases"
  printf '],\n"ceilings": %s,\n"goals": [%s, %s],\n"peers": %s}\n' "${ceilings:-null}" "$(one goals_1.json)" \
    "$(one goals_2.json)" "$(one peers.json)"
} > "$folder/report.json"
{
  printf '# %s: %s\n\nCeilings: %s\n\n| phase | state | seconds |\n|---|---|---|\n' "$device" "$verdict" "${ceilings:-none}"
  sed -nE 's/^([^|]+)\|([^|]+)\|([0-9]+)$/| \1 | \2 | \3 |/p' <<< "$phases"
  for name in goals_1 peers goals_2; do
    [ -s "$folder/$name.log" ] && printf '\n## %s\n\n%s\n' "$name" "$(cat "$folder/$name.log")"
  done
} > "$folder/report.md"
echo "gpu_check: $verdict in $SECONDS s; $folder/report.md"
exit $failed
