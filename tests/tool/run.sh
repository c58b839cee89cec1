#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh TOOL SCENES_MODELS CONTAINERS: what the tool promises of names, exit codes and results, on models drawn at random.
# CONTAINERS is the folder of golden containers; its test is left out, by name, where there is none.
set -u
tool=$1 scenes_models=$2 containers=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; sed 's/^/    /' "$work/out" "$work/err" | head -n 20; failed=1; }
# expect NAME EXIT WORDS... -- COMMAND...: runs it; its exit code and all WORDS in what it prints must be as said.
expect() {
  local name=$1 code=$2; shift 2
  local words=()
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  "$@" > "$work/out" 2> "$work/err"
  local found=$?
  [ $found = "$code" ] || { fail "$name: exit $found, not $code"; return; }
  for word in "${words[@]}"; do
    cat "$work/out" "$work/err" | grep -qF -- "$word" || { fail "$name: no \"$word\""; return; }
  done
}

expect 'no arguments: usage, exit 2' 2 'Usage: blip' -- "$tool"
expect 'an unknown subcommand names the nearest one' 2 'there is no subcommand "captoin"' 'did you mean caption' -- "$tool" captoin
expect 'an unknown option is a wrong usage' 2 '--frobnicate' -- "$tool" inspect x --frobnicate
expect 'a value out of range is a wrong usage' 2 '--beams' -- "$tool" caption --model m --image i --beams 0
expect 'a captioner without pictures is a wrong usage' 2 -- "$tool" caption --model m
for name in caption match features bootstrap convert inspect; do
  expect "$name --help shows an example" 0 'Example:' "  blip $name " -- "$tool" $name --help
done
expect 'a missing file is bad input' 1 'no-such-file' -- "$tool" inspect "$work/no-such-file"
expect 'this build has no cuda' 1 '--backend cuda' -- "$tool" caption --model m --image i --backend cuda
[ "$(wc -l < "$work/err")" -le 3 ] || fail 'an error has at most three lines'

if [ -f "$containers/safetensors/tensors.safetensors" ]; then
  expect 'inspect tells names, types and shapes' 0 'u8 ' 'U8 [7]' '17 tensors' -- "$tool" inspect "$containers/safetensors/tensors.safetensors"
  expect 'inspect speaks JSON' 0 '"name":"u8","dtype":"U8","shape":[7],"bytes":7' -- "$tool" inspect --json "$containers/safetensors/tensors.safetensors"
else
  echo "skipped: golden containers are not at $containers"
fi

models=$work/models
mkdir "$models"
"$scenes_models" "$models" || { echo 'FAILED: scenes_models'; exit 1; }
pictures=("$models"/pictures/*.png)
grep '^caption ' "$models/expected.txt" | cut -d' ' -f2- > "$work/captions"
grep '^match ' "$models/expected.txt" | cut -d' ' -f2 > "$work/probabilities"
writer=$models/captioner/model judge=$models/filter/model

expect 'inspect recognises layout and preset' 0 'layout: transformers' 'preset: scenes' -- "$tool" inspect "$writer"
expect 'captions of files' 0 -- "$tool" caption --model "$writer" --image "${pictures[@]}" --sampler greedy --max-tokens 9 --quiet
cut -f2 "$work/out" | cmp -s - "$work/captions" || fail 'captions are those of the library'
cp "$work/out" "$work/first"
expect 'captions of a folder' 0 -- "$tool" caption --model "$writer" --images "$models/pictures" --sampler greedy --max-tokens 9 --threads 1
cmp -s "$work/out" "$work/first" || fail 'captions of a folder with one thread are those of its files'
expect 'a file with preset and vocabulary is the folder' 0 -- "$tool" caption --model "$models/captioner/weights.safetensors" \
  --preset scenes --vocab "$writer/vocab.txt" --image "${pictures[@]}" --sampler greedy --max-tokens 9
cmp -s "$work/out" "$work/first" || fail 'captions of a file are those of its folder'
expect 'captions in JSON' 0 '"image":' '"caption":' '"tokens":[' '"log_probability":-' '"score":-' -- "$tool" caption \
  --model "$writer" --image "${pictures[0]}" --num-captions 3 --json
[ "$(wc -l < "$work/out")" = 3 ] || fail 'three beams are three lines'
for n in 1 2; do
  expect 'samples' 0 -- "$tool" caption --model "$writer" --image "${pictures[0]}" --sampler sample --num-captions 2 --seed 5 --quiet
  cp "$work/out" "$work/sample$n"
done
cmp -s "$work/sample1" "$work/sample2" || fail 'equal seeds give equal samples'
expect 'greedy has one caption' 1 '--num-captions' -- "$tool" caption --model "$writer" --image "${pictures[0]}" --sampler greedy --num-captions 2
expect 'the plain loops are there too' 0 '"caption":' -- "$tool" caption --model "$writer" --image "${pictures[0]}" --backend reference --max-tokens 3 --json

expect 'match, all pairs' 0 '"text":"a blue square"' '"itc_similarity":' -- "$tool" match --model "$judge" --image "${pictures[@]}" \
  --text 'a red circle' 'a blue square' --json
sed -E 's/.*"itm_probability":([^,]*),.*/\1/' "$work/out" | cmp -s - "$work/probabilities" || fail 'probabilities are those of the library'
expect 'features' 0 '"images":3' '"texts":2' -- "$tool" features --model "$judge" --images "$models/pictures" \
  --text 'a red circle' 'a blue square' --out "$work/features.safetensors" --json
expect 'features are in the file' 0 'image_features' 'F32 [3, 64]' 'text_features' 'F32 [2, 64]' -- "$tool" inspect "$work/features.safetensors"

expect 'a model of another task is refused' 1 'BlipForConditionalGeneration' -- "$tool" caption --model "$judge" --image "${pictures[0]}"
expect 'a file needs its size' 1 '--preset' 'blip-base' -- "$tool" caption --model "$models/captioner/weights.safetensors" --image "${pictures[0]}"
echo 'no picture' > "$work/text.jpg"
expect 'a text named .jpg is bad input' 1 'text.jpg' 'found text' -- "$tool" caption --model "$writer" --image "$work/text.jpg"

expect 'convert there' 0 '"layout":"official"' -- "$tool" convert --from "$writer" --to "$work/official.safetensors" --layout official --json
expect 'convert back' 0 'back.safetensors' -- "$tool" convert --from "$work/official.safetensors" --to "$work/back.safetensors" --layout transformers
cp -r "$writer" "$work/again" && mv "$work/back.safetensors" "$work/again/model.safetensors"
expect 'a model converted there and back' 0 -- "$tool" caption --model "$work/again" --image "${pictures[@]}" --sampler greedy --max-tokens 9
cmp -s "$work/out" "$work/first" || fail 'a model converted there and back says the same'
expect 'convert drops nothing silently' 1 'temp' -- "$tool" convert --from "$models/filter/weights.safetensors" --to "$work/x.safetensors" --layout transformers
[ ! -e "$work/x.safetensors" ] || fail 'a refused conversion writes nothing'
expect 'convert drops what it is told to' 0 -- "$tool" convert --from "$models/filter/weights.safetensors" --to "$work/x.safetensors" \
  --layout transformers --drop-training

# A run that is stopped and goes on.
run=$work/run
expect 'bootstrap of something else than scenes' 1 'scenes:nano' -- "$tool" bootstrap --data folder:x --out "$run"
[ ! -e "$run" ] || fail 'a refused run makes no folder'
stop_after_log() {  # starts a run, and ends it when its log holds a line of a step above $1
  "$tool" bootstrap --data scenes:nano,seed=3 --out "$run" --steps 100000 --batch 4 --threads 1 --quiet "${@:2}" > "$work/out" 2> "$work/err" &
  local id=$!
  for _ in $(seq 300); do
    sleep 0.1
    [ "$(tail -n1 "$run/pretrain/log.jsonl" 2> /dev/null | sed -E 's/.*"step":([0-9]+).*/\1/')" -gt "$1" ] 2> /dev/null && break
    kill -0 $id 2> /dev/null || break
  done
  kill -TERM $id 2> /dev/null
  wait $id
}
last_checkpoint() { ls "$run/pretrain/checkpoints" | sed -n 's/^step-//p' | sort -n | tail -n1; }
stop_after_log 0
[ $? = 75 ] || fail 'a run stopped by SIGTERM exits 75'
grep -qF -- '--resume' "$work/err" || fail 'a stopped run says how to go on'
[ -s "$work/out" ] && fail 'a stopped run has no result'
first=$(last_checkpoint)
[ "${first:-0}" -gt 0 ] || fail 'a stopped run has saved'
expect 'a folder that is there needs --resume' 1 '--resume' -- "$tool" bootstrap --data scenes:nano,seed=3 --out "$run" --steps 100000
expect 'a run goes on with its own options' 1 'begun with another data' -- "$tool" bootstrap --data scenes:nano,seed=4 --out "$run" --steps 100000 --batch 4 --resume
stop_after_log "$first" --resume
[ $? = 75 ] || fail 'a resumed run, stopped again, exits 75'
[ "$(last_checkpoint)" -gt "${first:-0}" ] || fail 'a resumed run goes on where it was'

[ $failed = 0 ] && echo 'tool: every test passed'
exit $failed
