#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The ablation of the BLIP paper in the generated world: README.md beside this script says what the rows are.
#
#   run.sh FOLDER [--seeds "0 1 2"] [--steps 4000] [--rows "none filter captioner both"] [--web 26400] [--images 1000]
#          [--threads 1] [--tool BLIP] [--sharing ABLATION_SHARING]
#
# --rows all: every row. Stopped or killed, the same line goes on; seeds and rows may be added later. The tables of all
# that was measured are printed at the end.
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
build=$(realpath -m "$here/../../build/quickstart")
usage() { sed -n '5,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }

four='none filter captioner both'
all="$four beam half/none half/both quarter/none quarter/both"
all="$all sharing/none sharing/all sharing/all_but_cross_attention sharing/all_but_feed_forward albef/distilled albef/plain"
seeds='0 1 2' steps=4000 rows=$four web=26400 images=1000 threads=1
tool=$build/examples/blip sharing=$build/bench/ablation_sharing
case ${1:--} in -*) usage ;; esac
out=$(realpath -m "$1"); shift
while [ $# -gt 1 ]; do
  case $1 in
    --seeds) seeds=$2 ;; --steps) steps=$2 ;; --rows) rows=$2 ;; --web) web=$2 ;; --images) images=$2 ;;
    --threads) threads=$2 ;; --tool) tool=$2 ;; --sharing) sharing=$2 ;;
    *) usage ;;
  esac
  shift 2
done
[ $# = 0 ] || usage
for number in $seeds $steps $web $images $threads; do [[ $number =~ ^[0-9]+$ ]] || usage; done
[ "$rows" != all ] || rows=$all
for row in $rows; do
  [[ " $all " = *" ${row#whole/} "* ]] || { echo "run.sh: there is no row $row, but: $all" >&2; exit 2; }
done
needs() { [ -x "$1" ] || { echo "run.sh: $1 is missing; build it: $2" >&2; exit 1; }; }
needs "$tool" 'cmake --preset quickstart && cmake --build --preset quickstart --target blip_tool'
[[ $rows != *sharing/* ]] ||
  needs "$sharing" 'cmake --preset quickstart -DBLIP_BENCH=ON && cmake --build --preset quickstart --target ablation_sharing'

# What is there is not made again, so it must have been made in the same way.
mkdir -p "$out"
is="steps $steps web $web images $images"
[ -e "$out/options" ] || { echo "$is" > "$out/options.$$" && mv "$out/options.$$" "$out/options"; }
[ "$(cat "$out/options")" = "$is" ] || { echo "run.sh: $out was begun with $(cat "$out/options"), not $is" >&2; exit 1; }

# run COMMAND...: in the background, so that a stop can be handed on and what runs can save; ^C reaches it by itself.
child=
stop() {
  [ $# = 0 ] || [ -z "$child" ] || kill -TERM "$child" 2> /dev/null || true
  [ -z "$child" ] || wait "$child" || true
  exit 75
}
trap 'stop TERM' TERM
trap stop INT
run() { "$@" & child=$!; wait "$child"; child=; }
# keep FILE COMMAND...: what the command prints, unless it is there already.
keep() {
  [ ! -e "$1" ] || return 0
  echo "${1#"$out/"}" >&2
  mkdir -p "$(dirname "$1")"
  run "${@:2}" > "$1.part"
  mv "$1.part" "$1"
}

# What follows is of one row of one seed: $seed, $world, $part, $folder, $common. Commands of `run` become their programs.
# job PAIRS STAGES OPTIONS...: stages of the main job on so many pairs of the web.
job() {
  exec "$tool" bootstrap --data "$world" --web-pairs "$1" --out "$folder" --stages "$2" --steps "$steps" "${@:3}" \
    "${common[@]}" --json --resume
}
evaluate() { exec "$tool" evaluate "$@" --data "$world,split=test" --images "$images" "${common[@]}"; }
# measure MODEL...: recall of a pre-trained model, and the truth of what it says where it can speak.
measure() {
  keep "$folder/contrast.json" evaluate --task retrieval --rerank 0 --model "$@"
  keep "$folder/reranked.json" evaluate --task retrieval --rerank 16 --model "$@"
  [ "$part" = albef ] || keep "$folder/captions.json" evaluate --task caption --sampler greedy --model "$@"
}
measure_stage() { measure "$folder/$1/weights.safetensors" --preset scenes --vocab "$2/captioner/model/vocab.txt"; }

# The web as it is: the first pre-training, and the filter and captioner that the other rows of this part of the web share.
first() {
  keep "$folder/made.json" job "$1" pretrain,filter,captioner
  measure_stage pretrain "$folder"
}
# The second pre-training, on what a row keeps.
second() {
  local own=$folder
  folder=$out/seed-$seed/$part/none; first "$1"; folder=$own
  mkdir -p "$folder"
  for stage in pretrain filter captioner; do ln -sfn "../none/$stage" "$folder/$stage"; done
  keep "$folder/set.json" job "$1" capfilt,pretrain-again "${@:2}"
  measure_stage pretrain-again "$folder"
}
# The same on what the row both kept, for a decoder that shares other parameters with the text encoder.
shared() {
  local own=$folder both=$out/seed-$seed/whole/both
  part=whole folder=$both; second "$web"; part=sharing folder=$own
  mkdir -p "$folder"
  ln -sfn ../../whole/both/bootstrapped.jsonl "$folder/bootstrapped.jsonl"
  keep "$folder/made.json" "$sharing" "$folder" --scheme "$1" --seed "$seed" --steps "$steps" --threads "$threads"
  measure_stage pretrain-again "$both"
}
# ALBEF on people's captions and the web's as they are; $1: the share of the momentum model's distributions in the targets.
albef() {
  mkdir -p "$folder"
  echo "{\"family\": \"albef\", \"alpha\": $1, \"warmup_steps\": $((steps / 20))}" > "$folder/recipe.json"
  keep "$folder/made.json" "$tool" pretrain --family albef --data "$world" --options "$folder/recipe.json" --steps "$steps" \
    --out "$folder/run" "${common[@]}" --json --resume
  measure "$folder/run"
}

for row in $rows; do
  for seed in $seeds; do
    case $row in */*) part=${row%/*} ;; *) part=whole ;; esac
    name=${row#*/} world=scenes:nano,seed=$seed folder=$out/seed-$seed/$part/${row#*/}
    common=(--seed "$seed" --threads "$threads" --quiet)
    case $part in half) pairs=$((web / 2)) ;; quarter) pairs=$((web / 4)) ;; *) pairs=$web ;; esac
    case $part/$name in
      sharing/*) shared "$name" ;;
      albef/distilled) albef 0.4 ;;
      albef/plain) albef 0 ;;
      */none) first "$pairs" ;;
      */filter) second "$pairs" --keep web ;;
      */captioner) second "$pairs" --threshold 0 ;;
      */both) second "$pairs" ;;
      */beam) second "$pairs" --sampler beam ;;
    esac
  done
done
exec python3 "$here/table.py" "$out"
