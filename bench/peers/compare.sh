#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a benchmark of the library and its peer in turn (A B A B ...) and prints medians and ratios as a Markdown row.
#
#   compare.sh [--rounds 5] [--label TEXT] [--head] [--log FILE] -- OURS ... -- PEER ...
#   compare.sh --label 'BLIP, fp32, 2 threads' -- ./pretrain_bench --family blip -- \
#       python3 pretrain_step.py --family blip --variant expert --json
#
# Each command prints a line of JSON with "samples_per_second" and "peak_bytes"; the last such line counts. The ratio of
# speeds is the median over the rounds of ours / peer in the same round, with its range: what slows a machine for a
# while slows both sides of a round. --head prints the table's head first; --log keeps every line of JSON.
set -euo pipefail

usage() { sed -n '3,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }

rounds=5 label=step head=0 log=""
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    --rounds) rounds=${2:?}; shift 2 ;;
    --label) label=${2:?}; shift 2 ;;
    --head) head=1; shift ;;
    --log) log=${2:?}; shift 2 ;;
    *) usage ;;
  esac
done
[ $# -gt 0 ] || usage
shift
ours=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do ours+=("$1"); shift; done
if [ $# -lt 2 ] || [ ${#ours[@]} -eq 0 ] || ! [[ $rounds =~ ^[1-9][0-9]*$ ]]; then usage; fi
shift
peer=("$@")

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
measure() {  # side, command ...
  local side=$1 out line
  shift
  out=$("$@") || { echo "compare.sh: failed: $*" >&2; exit 1; }
  line=$(grep '^{.*"samples_per_second"' <<<"$out" | tail -n 1) ||
    { echo "compare.sh: no line of JSON from: $*" >&2; exit 1; }
  printf '%s\t%s\n' "$side" "$line" | tee -a "${log:-/dev/null}" >>"$lines"
}
for ((i = 0; i < rounds; ++i)); do
  measure ours "${ours[@]}"
  measure peer "${peer[@]}"
done

python3 - "$lines" "$label" "$head" <<'PYTHON'
import json, statistics, sys

path, label, head = sys.argv[1:]
found = {"ours": [], "peer": []}
for line in open(path):
    side, text = line.rstrip("\n").split("\t", 1)
    found[side].append(json.loads(text))
speed = {side: [r["samples_per_second"] for r in runs] for side, runs in found.items()}
peak = {side: statistics.median(r["peak_bytes"] for r in runs) / 2**30 for side, runs in found.items()}
ratios = [a / b for a, b in zip(speed["ours"], speed["peer"])]
if head == "1":
    print("| run | rounds | samples/s | peer's samples/s | speed ratio (range) | peak GiB | peer's peak GiB "
          "| memory ratio |")
    print("|---|---|---|---|---|---|---|---|")
label = label.replace("|", "\\|")
print(f"| {label} | {len(ratios)} | {statistics.median(speed['ours']):.4g} | {statistics.median(speed['peer']):.4g} "
      f"| {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
      f"| {peak['ours']:.3g} | {peak['peer']:.3g} | {peak['ours'] / peak['peer']:.2f} |")
PYTHON
