#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# budget.sh SOURCE_DIR WORK_DIR GXX CLANGXX|- [OPTION ...]: what the library costs to compile, as a Markdown table.
# Fails when g++ needs more than 1.5 times a budget (1.8 times that of captions), when ViT-L costs more than ViT-B, or
# when a symbol grows too long.
# Budgets are for a machine that compiles six headers of the standard library in 0.8 s; a slower one gets more.
# clang++ is measured for information. Options are passed to the compilers; with BLIP_LIBRARIES, those to link, it
# measures whole programs instead.
set -uo pipefail
source_dir=$1 work=$2 gxx=$3 clang=$4
shift 4
options=(-std=c++20 -I "$source_dir/include" "$@")
mkdir -p "$work"
failures=()

# measure COMMAND...: runs it and sets `seconds` (user) and `megabytes` (peak; "-" without GNU time).
measure() {
  if [ -x /usr/bin/time ]; then
    LC_ALL=C /usr/bin/time -o "$work/time" -f '%U %M' "$@" || { failures+=("does not compile: ${*: -1}"); seconds=0 megabytes=-; return; }
    read -r seconds megabytes < "$work/time"
    megabytes=$((megabytes / 1024))
  else
    local TIMEFORMAT=%U
    { time "$@" 2> "$work/errors"; } 2> "$work/time" || { cat "$work/errors"; failures+=("does not compile: ${*: -1}"); }
    seconds=$(tail -n 1 "$work/time") megabytes=-
  fi
}
above() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }
times() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a * b }'; }
per() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b > 0 ? a / b : 0) }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# calibrate: how much slower this machine is, now, than the one that the budgets are for.
reference=0.80
calibrate() {
  local attempt
  for attempt in 1 2 3; do
    measure "$gxx" -std=c++20 -O0 -c -o "$work/standard.o" "$work/standard.cpp"
    echo "$seconds"
  done > "$work/standard"
  standard=$(median < "$work/standard")
  allowance=$(awk -v a="$standard" -v b="$reference" -v c="${loose:-1.5}" 'BEGIN { printf "%.2f", c * (a > b ? a / b : 1) }')
}
# row NAME BUDGET SOURCE OPTION...: one line of the table. The machine is noisy, and what else runs takes its caches and
# the other thread of its cores, so a unit over its limit is measured again, up to twice, by what the machine does then;
# its best time counts.
row() {
  local name=$1 budget=$2 source=$3 standard allowance=$allowance limit now attempt clang_seconds=-
  shift 3
  limit=$(times "$budget" "$allowance")
  measure "$gxx" "${options[@]}" "$@" -c -o "$work/unit.o" "$source"
  best=$seconds memory=$megabytes
  for attempt in 1 2; do
    above "$best" "$limit" || break
    calibrate
    measure "$gxx" "${options[@]}" "$@" -c -o "$work/unit.o" "$source"
    now=$(times "$budget" "$allowance")
    above "$(per "$best" "$limit")" "$(per "$seconds" "$now")" && best=$seconds limit=$now
  done
  above "$best" "$limit" && failures+=("$name: $best s, limit $limit s")
  if [ "$clang" != - ] && [ -z "${gxx_only:-}" ]; then
    local gxx_object="$work/gxx.o"
    mv "$work/unit.o" "$gxx_object"
    measure "$clang" "${options[@]}" "$@" -c -o "$work/unit.o" "$source"
    clang_seconds=$seconds
    mv "$gxx_object" "$work/unit.o"
  fi
  echo "| $name | $* | $best | $budget | $memory | $clang_seconds |"
}
# program NAME MEGABYTES: links the last row's object, and holds the compiler's memory (as loosely as its time) and the
# size of the program.
notes=()
program() {
  "$gxx" -fopenmp -o "$work/program" "$work/unit.o" ${BLIP_LIBRARIES:-} || failures+=("$1 does not link")
  strip "$work/program"
  local bytes; bytes=$(stat -c %s "$work/program")
  notes+=("$1: $(per "$bytes" 1000000) MB stripped (limit 3), $memory MB of memory to compile (budget $2)")
  [ "$bytes" -lt 3000000 ] || failures+=("$1 has $bytes bytes, limit 3 MB")
  [ "$memory" = - ] || ! above "$memory" "$(times "$2" 1.5)" || failures+=("$1 took $memory MB to compile, 1.5 times its budget of $2")
}
# header NAME BUDGET: a unit of nothing but that header.
header() {
  echo "#include \"$1\"" > "$work/header.cpp"
  row "$1" "$2" "$work/header.cpp" -O0
}

printf '#include <%s>\n' algorithm filesystem functional memory string vector > "$work/standard.cpp"
calibrate
echo "Six headers of the standard library: $standard s (budgets are for $reference s), so limits are $allowance times the budgets."
echo
echo "| unit | flags | g++ s | budget s | g++ MB | clang++ s |"
echo "| --- | --- | ---: | ---: | ---: | ---: |"
if [ -n "${BLIP_LIBRARIES:-}" ]; then
  # Whole programs, alone.
  gxx_only=yes
  pretraining="$source_dir/bench/compile/pretraining.cpp"
  for attempt in 1 2 3; do
    row "program: BLIP base, pre-training" 30 "$pretraining" -O2 -fopenmp
    base_program=$best
    [ "$attempt" -gt 1 ] || program "program: BLIP base, pre-training" 1024
    row "the same and BLIP large" 37.5 "$pretraining" -O2 -fopenmp -DBLIP_AND_LARGE
    above "$best" "$(times "$base_program" 1.25)" || break
  done
  large_program=$best
  above "$large_program" "$(times "$base_program" 1.25)" && failures+=("BLIP large adds more than a quarter: $large_program s, $base_program s alone")
  row "the same, base alone, against instances" 4 "$pretraining" -O2 -fopenmp -DBLIP_EXPLICIT_ONLY
  # Over its budget, as docs/benchmarks.md says: 24 s where the six headers take 0.7. Held there, so that it does not grow.
  loose=1.8
  calibrate
  row "program: BLIP base, captions" 15 "$source_dir/bench/compile/captioning.cpp" -O2 -fopenmp
  program "program: BLIP base, captions" 717
  echo
  printf '%s\n' "${notes[@]}" "adding BLIP large: $(per "$large_program" "$base_program") of the time (limit 1.25)" "${failures[@]/#/over budget: }"
  [ ${#failures[@]} = 0 ]
  exit
fi
header blip/fwd.hpp 0.3
header blip/blip.hpp 3
[ ! -f "$source_dir/include/blip/backend/cpu.hpp" ] || header blip/backend/cpu.hpp 3
gxx_only=yes
for folder in ops layers models; do
  for path in "$source_dir/include/blip/$folder"/*.hpp; do
    case "$path" in *-inl.hpp) ;; *) header "blip/$folder/${path##*/}" 1 ;; esac
  done
done
gxx_only=
captioner="$source_dir/bench/compile/captioner.cpp"
row "captioner of BLIP's base size" 15 "$captioner" -O2
echo
echo "captioner: object $(size "$work/unit.o" | awk 'NR == 2 { printf "%d", ($1 + $2) / 1024 }') kB of code and data"

# No symbol of ours may grow out of hand: debuggers, linkers and error messages repeat it.
row "captioner of BLIP's base size" 15 "$captioner" -O0 > /dev/null
longest=$(nm "$work/unit.o" | awk '$3 ~ /4blip/ && length($3) > n { n = length($3) } END { print n + 0 }')
echo "captioner: longest mangled symbol $longest characters (limit 700)"
[ "$longest" -lt 700 ] || failures+=("a symbol has $longest characters, limit 700")

# The larger tower against the smaller one: sizes are data to the kernels, so they must cost the same.
tower() { measure "$gxx" "${options[@]}" -O2 "-DBLIP_TOWER=$1" -c -o "$work/$1.o" "$source_dir/bench/compile/vit_forward.cpp"; }
: > "$work/base"; : > "$work/large"
for attempt in 1 2 3 4 5 6 7; do
  tower vit_b16; echo "$seconds" >> "$work/base"
  tower vit_l16; echo "$seconds" >> "$work/large"
  base=$(median < "$work/base") large=$(median < "$work/large")
  [ "$attempt" -lt 3 ] || above "$large" "$(times "$base" 1.15)" || break
done
bytes() { size "$1" | awk 'NR == 2 { print $1 + $2 }'; }
small=$(bytes "$work/vit_b16.o") big=$(bytes "$work/vit_l16.o")
echo "ViT-L against ViT-B, forward, -O2: $large s against $base s ($(per "$large" "$base"), limit 1.15), $big B against $small B ($(per "$big" "$small"), limit 1.10)"
above "$large" "$(times "$base" 1.15)" && failures+=("ViT-L takes $large s, ViT-B $base s")
above "$big" "$(times "$small" 1.10)" && failures+=("ViT-L makes $big B, ViT-B $small B")

echo
printf '%s\n' "${failures[@]/#/over budget: }"
[ ${#failures[@]} = 0 ]
