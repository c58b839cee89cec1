#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# kill_bootstrap.sh TOOL KILLS HUMAN WEB: runs the main job on few pairs again and again, kills it with SIGKILL at random
# instants, lets it go on, until it was killed so many times. Every run must end with the files of one that nobody killed:
# weights, model folders, what CapFilt kept, report.html. HUMAN and WEB are specs of data.
set -u
tool=$1 wanted=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
job=("$tool" bootstrap --human "$3" --web "$4" --steps 12 --checkpoint-every 3 --log-every 1 --batch 8 --quiet)
files='report.html bootstrapped.jsonl options.json pretrain/weights.safetensors filter/weights.safetensors
  captioner/weights.safetensors pretrain-again/weights.safetensors captioner/model/model.safetensors
  captioner/model/config.json captioner/model/vocab.txt filter/model/model.safetensors filter/model/config.json'

begun=$(date +%s%N)
"${job[@]}" --out "$work/whole" --threads 1 > "$work/out" 2> "$work/err" || { echo 'FAILED: a run that nobody kills'; cat "$work/err"; exit 1; }
took=$(( ($(date +%s%N) - begun) / 1000000 ))  # milliseconds
kills=0 runs=0 failed=0 stages=''
while [ $kills -lt "$wanted" ]; do
  run=$work/run$runs
  while :; do
    "${job[@]}" --out "$run" --resume --threads $((RANDOM % 2 + 1)) > "$work/out" 2> "$work/err" &
    id=$!
    after=$(( RANDOM * RANDOM % (took * 2 / 3 + 1) ))
    sleep "$(printf '%d.%03d' $((after / 1000)) $((after % 1000)))"
    kill -KILL $id 2> /dev/null
    wait $id 2> /dev/null
    code=$?
    [ $code = 0 ] && break
    [ $code = 137 ] || { echo "FAILED: exit $code after $kills kills"; cat "$work/err"; exit 1; }
    kills=$((kills + 1))
    if [ -e "$run/pretrain-again" ]; then stage=pretrain-again
    elif [ -e "$run/bootstrapped.jsonl.run.json" ]; then stage=capfilt
    elif [ -e "$run/captioner" ]; then stage=captioner
    elif [ -e "$run/filter" ]; then stage=filter
    elif [ -e "$run/pretrain" ]; then stage=pretrain
    else stage=start
    fi
    [ ! -e "$run/report.html" ] || stage=end
    stages="$stages $stage"
    [ $kills -lt "$wanted" ] && continue
    "${job[@]}" --out "$run" --resume --threads 1 > "$work/out" 2> "$work/err" || { echo 'FAILED: going on'; cat "$work/err"; exit 1; }
    break
  done
  left=$(find "$run" -name '*.part[0-9]*')
  [ -z "$left" ] || { echo "FAILED: left behind by a killed run: $left"; failed=1; }
  for f in $files; do
    cmp -s "$work/whole/$f" "$run/$f" || { echo "FAILED: $f differs after$stages"; failed=1; }
  done
  runs=$((runs + 1))
  rm -rf "$run"
done
echo "kill_bootstrap: $kills kills in $runs runs of $took ms, at:$(tr ' ' '\n' <<< "$stages" | grep . | sort | uniq -c | awk '{printf " %s %s", $2, $1}')"
[ $failed = 0 ] && echo 'kill_bootstrap: every run ended with the bytes of one that nobody killed'
exit $failed
