#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu_check_test.sh ROOT GPU_GOALS: bench/gpu_check.sh without a GPU, and with one that is pretended, as are the build and
# the programs: what it runs exists, what it says about each phase is so.
set -u
root=$1 goals=$2
script=$root/bench/gpu_check.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; sed 's/^/    /' "$work/out" "$work/err" | head -n 20; failed=1; }
# expect NAME EXIT COMMAND...
expect() {
  local name=$1 code=$2; shift 2
  "$@" > "$work/out" 2> "$work/err"
  local found=$?
  [ $found = "$code" ] || fail "$name: exit $found, not $code"
}
# tool NAME: a program of that name from stdin, first on the path.
mkdir "$work/bin"
tool() { { echo '#!/usr/bin/env bash'; cat; } > "$work/bin/$1"; chmod +x "$work/bin/$1"; }
export PATH="$work/bin:$PATH" PYTHON="$work/bin/torchless" BLIP_GPU_BUILD="$work/build"

expect 'no folder' 2 bash "$script"
grep -q '^usage: gpu_check.sh FOLDER$' "$work/err" || fail 'a usage error shows the usage'
expect 'two folders' 2 bash "$script" a b
expect 'an unknown option' 2 bash "$script" --fast

tool nvidia-smi <<< 'echo "NVIDIA-SMI has failed"; exit 9'
expect 'no GPU' 3 bash "$script" "$work/none"
[ "$(cat "$work/err")" = 'gpu_check: no GPU answers on this machine, so nothing was checked.' ] || fail 'one sentence'
[ ! -s "$work/out" ] && [ ! -e "$work/none" ] || fail 'without a GPU nothing is written'

# A pretended GPU and tools that do as they are told by FAIL and SLOW.
tool nvidia-smi <<< '[ "$1" = -L ] && echo "GPU 0: pretended" || echo "pretended, 1.0"'
tool torchless <<< 'exit 1'
tool ctest <<< '[ "${FAIL:-}" != parity ]'
tool compute-sanitizer <<< '[ "${FAIL:-}" != "$2" ]'
tool cmake <<'END'
[ "$1" = --build ] || exit 0
[ "$4" = gpu_programs ] || exit 1
mkdir -p "$2/tests"
printf '#!/bin/sh\necho "{\\"copy_bytes_per_second\\": 1}"\n' > "$2/tests/gpu_ceilings"
printf '#!/bin/sh\n[ "$1" = --save ] && echo "{\\"size\\": \\"none\\"}" > "$2"; echo "| a table |"\n' > "$2/tests/gpu_goals"
printf '#!/bin/sh\n' > "$2/tests/test_gpu"
chmod +x "$2"/tests/*
END
expect 'all phases pass' 0 bash "$script" "$work/good"
for name in configure build ceilings parity memcheck racecheck synccheck initcheck goals_1 goals_2; do
  grep -q "^$name: passed" "$work/out" || fail "$name passes"
  grep -q "\"name\": \"$name\", \"state\": \"passed\"" "$work/good/report.json" || fail "$name is in the JSON"
done
grep -q '^peers: skipped: no Python with torch and CUDA' "$work/out" || fail 'without PyTorch the peers are skipped'
grep -q '| a table |' "$work/good/report.md" || fail 'the tables are in the report'
if command -v python3 > /dev/null; then
  python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); sys.exit(
    not (r["ceilings"]["copy_bytes_per_second"] == 1 and len(r["goals"]) == 2 and r["peers"] is None
         and r["verdict"] == "passed, 1 phases skipped" and r["device"] == "pretended, 1.0"))' \
    "$work/good/report.json" || fail 'report.json is JSON with everything in it'
fi
for name in parity racecheck; do
  FAIL=$name expect "$name fails" 1 bash "$script" "$work/bad"
  grep -q "^$name: failed with 1" "$work/out" || fail "$name is named"
  grep -q '"verdict": "failed' "$work/bad/report.json" || fail 'the verdict is in the JSON'
done
tool cmake <<< '[ "$1" != --build ]'
expect 'a build that fails' 1 env BLIP_GPU_BUILD="$work/other" bash "$script" "$work/bad"
grep -q '^build: failed with 1' "$work/out" || fail 'the build is named'
grep -q '^parity: ' "$work/out" || fail 'the rest is tried: ninja keeps going'

# What is called exists.
grep -q '"name": "gpu", "inherits": "base"' "$root/CMakePresets.json" || fail 'there is a preset gpu'
for name in gpu_programs gpu_goals gpu_ceilings; do
  grep -qE "(target|program)\($name " "$root/cmake/gpu_programs.cmake" || fail "there is a target $name"
done
grep -q '^blip_cuda_tests(gpu ' "$root/cmake/gpu_programs.cmake" || fail 'there is a target test_gpu'
grep -q '"--save"' "$root/bench/peers/gpu_goals.py" || fail 'the peers save what they find'
expect 'the workloads save what they find' 0 "$goals" --tiny --count --save "$work/saved"
grep -q '"size": "tiny"' "$work/saved" || fail 'the workloads save their JSON'
expect 'an option that the workloads lack' 2 "$goals" --fast
[ $failed = 0 ] && echo 'gpu_check.sh: usage, no GPU, phases and reports are as promised'
exit $failed
