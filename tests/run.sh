#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Proves the library: installs what is missing, builds, runs every check and says what ran. `--quick`: the core tests with
# g++ alone, in minutes. The last line is "N passed, N failed"; the exit status says the same.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
quick=${1:-}
[ -z "$quick" ] || [ "$quick" = --quick ] || { echo "usage: bash tests/run.sh [--quick]" >&2; exit 2; }
bash cmake/install_dependencies.sh $quick || exit $?

memory_jobs=$(( $(awk '/MemAvailable/ {print $2}' /proc/meminfo) / 2097152 + 1 ))
jobs=$(nproc); [ "$jobs" -le "$memory_jobs" ] || jobs=$memory_jobs
logs=build/logs; mkdir -p "$logs"
passed=0 failed=0 summary=()
note() { summary+=("$1"); echo "== $1"; }

# stage NAME COMMAND...: one check that is no ctest run.
stage() {
  local name=$1 start=$SECONDS; shift
  if "$@" > "$logs/$name.log" 2>&1; then
    passed=$((passed + 1)); note "$name: passed ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1)); note "$name: FAILED ($((SECONDS - start)) s)"; tail -n 60 "$logs/$name.log"
  fi
}
# preset NAME: configures, builds and runs the tests of one preset.
preset() {
  local name=$1 start=$SECONDS log="$logs/$1.log"
  if ! { cmake --preset "$name" && cmake --build --preset "$name" -j "$jobs"; } > "$log" 2>&1; then
    failed=$((failed + 1)); note "$name: BUILD FAILED ($((SECONDS - start)) s)"; grep -m3 -A20 -E 'error|FAILED' "$log" || tail -n 40 "$log"
    return
  fi
  local built=$((SECONDS - start))
  ctest --test-dir "build/$name" -j "$jobs" --output-on-failure --no-tests=error >> "$log" 2>&1
  local counts total bad
  counts=$(grep -E '[0-9]+% tests passed, [0-9]+ tests failed out of [0-9]+' "$log" | tail -n 1)
  total=$(sed -E 's/.*out of ([0-9]+).*/\1/' <<<"$counts"); bad=$(sed -E 's/.*passed, ([0-9]+) tests failed.*/\1/' <<<"$counts")
  passed=$((passed + total - bad)); failed=$((failed + bad))
  note "$name: $((total - bad)) passed, $bad failed (build $built s, tests $((SECONDS - start - built)) s)"
  [ "$bad" = 0 ] || sed -n '/The following tests FAILED/,$p' "$log"
  [ "$bad" = 0 ] || grep -B2 -A30 -E '\*\*\*(Failed|Exception|Timeout)' "$log" | head -n 150
}
skip() { summary+=("$1: skipped, $2"); echo "== $1: skipped, $2"; }

if [ -n "$quick" ]; then
  preset quick
else
  preset dev
  [ -d build/dev ] && stage headers_gcc cmake --build build/dev --target all_verify_interface_header_sets -j "$jobs"
  stage features bash tests/check_features.sh docs/features.md "$logs/dev.log"
  # clang and the sanitizers in one build; the preset `clang` is for those who want it alone.
  preset asan
  [ -d build/asan ] && stage headers_clang cmake --build build/asan --target all_verify_interface_header_sets -j "$jobs"
  preset tsan
  if ! command -v nvcc > /dev/null; then
    skip cuda "no nvcc on this machine"
  elif compgen -G 'include/blip/backend/cuda/*.cuh' > /dev/null; then
    stage cuda cmake --workflow --preset cuda
  else
    skip cuda "the library has no CUDA sources yet"
  fi
fi

echo
printf '%s\n' "${summary[@]}" "in all: $SECONDS s"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
