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
for name in caption match features retrieve ground bootstrap convert inspect bench; do
  expect "$name --help shows an example" 0 'Example:' "  blip $name " -- "$tool" $name --help
done
expect 'a missing file is bad input' 1 'no-such-file' -- "$tool" inspect "$work/no-such-file"
expect 'no cuda without a GPU' 1 '--backend cuda' -- env CUDA_VISIBLE_DEVICES=-1 "$tool" caption --model m --image i --backend cuda
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
for profile in official lavis transformers; do
  expect "match as $profile" 0 -- "$tool" match --model "$judge" --image "${pictures[@]}" --text 'a red circle' 'a blue square' \
    --profile $profile --json
  sed -E 's/.*"itm_probability":([^,]*),.*/\1/' "$work/out" | diff - <(sed -n "s/^match-$profile //p" "$models/expected.txt") > /dev/null ||
    fail "probabilities as $profile are those of the library"
  cp "$work/out" "$work/match-$profile"
done
cmp -s "$work/match-official" "$work/match-lavis" && fail 'LAVIS judges from another token than the official class'
cmp -s "$work/match-official" "$work/match-transformers" || fail 'the official class judges as transformers does'
expect 'a profile that there is not' 2 '--profile' 'lavis' -- "$tool" match --model "$judge" --image "${pictures[0]}" --text circle --profile hf
expect 'a profile has a prompt' 0 '"caption":"a' -- "$tool" caption --model "$writer" --image "${pictures[0]}" --sampler greedy --max-tokens 9 \
  --profile official --json
cp "$work/out" "$work/prompted"
expect 'a prompt overrides that of the profile' 0 -- "$tool" caption --model "$writer" --image "${pictures[0]}" --sampler greedy --max-tokens 9 \
  --profile official --prompt '' --json
cmp -s "$work/out" "$work/prompted" && fail 'a prompt that is given counts'
expect 'features' 0 '"images":3' '"texts":2' -- "$tool" features --model "$judge" --images "$models/pictures" \
  --text 'a red circle' 'a blue square' --out "$work/features.safetensors" --json
expect 'features are in the file' 0 'image_features' 'F32 [3, 64]' 'text_features' 'F32 [2, 64]' -- "$tool" inspect "$work/features.safetensors"

pair=('a red circle' 'a blue square' 'a green ring')
expect 'multimodal features' 0 -- "$tool" features --model "$judge" --images "$models/pictures" --text "${pair[@]}" \
  --multimodal --out "$work/pairs.safetensors"
expect 'multimodal features are in the file' 0 'multimodal_features' 'F32 [3, 64]' -- "$tool" inspect "$work/pairs.safetensors"
expect 'multimodal features need a text for each picture' 1 '--multimodal' 'expected 3, found 2' -- "$tool" features \
  --model "$judge" --images "$models/pictures" --text 'a red circle' 'a blue square' --multimodal --out "$work/no.safetensors"
[ ! -e "$work/no.safetensors" ] || fail 'refused features write nothing'

expect 'retrieve without anything is a wrong usage' 2 '--model' -- "$tool" retrieve
expect 'retrieve of a folder needs a query' 2 '--query' -- "$tool" retrieve --model "$judge" --images "$models/pictures"
expect 'a query needs pictures' 2 -- "$tool" retrieve --model "$judge" --query 'a red circle'
expect 'retrieve says which pictures fit' 0 -- "$tool" retrieve --model "$judge" --images "$models/pictures" \
  --query 'a red circle' --quiet
sed 's|.*/||; s/\t/ /' "$work/out" | diff - <(sed -n 's/^retrieve //p' "$models/expected.txt") > /dev/null || fail 'retrieve ranks as the library does'
cp "$work/out" "$work/ranked"
expect 'states that are not kept do not show' 0 -- "$tool" retrieve --model "$judge" --images "$models/pictures" \
  --query 'a red circle' --memory 0 --threads 1
cmp -s "$work/out" "$work/ranked" || fail 'retrieve without memory ranks the same'
expect 'retrieve in JSON' 0 '"query":"a red circle","image":' '"score":' '"itc_similarity":' '"itm_logit":' -- "$tool" retrieve \
  --model "$judge" --images "$models/pictures" --query 'a red circle' 'a blue square' --top 2 --json
[ "$(wc -l < "$work/out")" = 4 ] || fail 'two of two queries are four lines'
expect 'retrieve by features alone' 0 '"itc_similarity":' -- "$tool" retrieve --model "$judge" --images "$models/pictures" \
  --query 'a red circle' --rerank 0 --json
grep -q itm_logit "$work/out" && fail 'without re-ranking there is no logit'
expect 'an empty query is bad input' 1 '--query' 'a text' -- "$tool" retrieve --model "$judge" --images "$models/pictures" --query ' '
cat > "$work/list.json" << 'END'
[{"image": "0.png", "caption": ["A red circle.", "a blue square"]}, {"image": "1.png", "caption": ["a green ring"]},
 {"image": "2.png", "caption": ["a yellow star"]}]
END
expect 'recall of a list' 0 '"tr1":' '"ir10":100,' '"images":3,"texts":4,"pairs_read":12' -- "$tool" retrieve --model "$judge" \
  --annotations "$work/list.json" --image-root "$models/pictures" --json
expect 'recall for people' 0 'R@1' 'images of a text' -- "$tool" retrieve --model "$judge" --annotations "$work/list.json" \
  --image-root "$models/pictures" --rerank 1
expect 'a list that is not there' 1 'no-such.json' -- "$tool" retrieve --model "$judge" --annotations "$work/no-such.json"
sed 's/1.png/9.png/' "$work/list.json" > "$work/wrong.json"
expect 'a picture of a list that is not there' 1 '9.png' -- "$tool" retrieve --model "$judge" --annotations "$work/wrong.json" \
  --image-root "$models/pictures"

expect 'ground without anything is a wrong usage' 2 '--model' -- "$tool" ground
heat=$work/heat
mkdir "$heat"
expect 'ground shows the text and its words' 0 '"tokens":["a","red","circle"],"heatmap":[[' '"token":"circle"' "$heat/a.3.png" \
  -- "$tool" ground --model "$judge" --image "${pictures[0]}" --text 'a red circle' --out "$heat/a.png" --json
[ "$(ls "$heat" | tr '\n' ' ')" = 'a.1.png a.2.png a.3.png a.png ' ] || fail 'ground writes one picture for the text and one per word'
sed -E 's/.*"tokens":\[[^]]*\],"heatmap":\[\[([^"]*)\]\],.*/\1/; s/\],\[/,/g' "$work/out" | tr ',' '\n' |
  diff - <(sed -n 's/^ground //p' "$models/expected.txt") > /dev/null || fail 'the map is that of the library'
expect 'ground for people' 0 "$heat/b.2.png" 'circle' -- "$tool" ground --model "$judge" --image "${pictures[0]}" --text 'red circle' \
  --out "$heat/b.png" --layer 0 --backend reference
expect 'a layer that is not there' 1 'layer' '0 to 1' -- "$tool" ground --model "$judge" --image "${pictures[0]}" --text 'a circle' \
  --out "$heat/c.png" --layer 7
expect 'an empty text is bad input' 1 '--text' 'a text' -- "$tool" ground --model "$judge" --image "${pictures[0]}" --text '' --out "$heat/c.png"
expect 'a missing picture is bad input' 1 'no-such.png' -- "$tool" ground --model "$judge" --image "$work/no-such.png" --text 'a circle' \
  --out "$heat/c.png"
echo 'no picture' > "$work/words.jpg"
expect 'ground refuses a text named .jpg' 1 'words.jpg' 'found text' -- "$tool" ground --model "$judge" --image "$work/words.jpg" \
  --text 'a circle' --out "$heat/c.png"
mkdir "$work/mixed" && cp "${pictures[0]}" "$work/words.jpg" "$work/mixed"
expect 'retrieve refuses a text named .jpg' 1 'words.jpg' 'found text' -- "$tool" retrieve --model "$judge" --images "$work/mixed" --query 'a circle'
expect 'a picture of an unknown kind is not written' 1 '.gif' -- "$tool" ground --model "$judge" --image "${pictures[0]}" --text 'a circle' \
  --out "$heat/c.gif"
[ "$(ls "$heat" | grep -c '^c')" = 0 ] || fail 'a refused ground writes nothing'
filter=$models/filter/weights.safetensors
expect 'ground of a preset that there is not' 1 '--preset' 'scenes' -- "$tool" ground --model "$filter" --preset scene \
  --vocab "$judge/vocab.txt" --image "${pictures[0]}" --text 'a circle' --out "$heat/c.png"
expect 'retrieve with the wrong preset' 1 "$filter" -- "$tool" retrieve --model "$filter" --preset blip-base \
  --vocab "$judge/vocab.txt" --images "$models/pictures" --query 'a circle'
head -c 100000 "$filter" > "$work/cut.safetensors"
for command in "retrieve --images $models/pictures --query circle" "ground --image ${pictures[0]} --text circle --out $heat/c.png"; do
  expect 'a checkpoint that was cut off' 1 'cut.safetensors' -- "$tool" $command --model "$work/cut.safetensors" --preset scenes \
    --vocab "$judge/vocab.txt"
  [ "$(wc -l < "$work/err")" -le 4 ] || fail 'an error has at most three lines'
done

. "$(dirname "${BASH_SOURCE[0]}")/answers.sh"

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

# Speeds, of the small size alone.
mkdir "$work/tmp"
few=(--models scenes --batch 2 --tokens 5 --rounds 1 --threads 1 --quiet)
expect 'bench shows a table' 0 'peak ' '| scenes | images, blip | 2 |' '| scenes | captions, greedy | 2 |' \
  '| scenes | captions, 3 beams | 2 |' '| scenes | training, blip | 32 |' '| scenes | training, albef, queue | 32 |' \
  -- env TMPDIR="$work/tmp" "$tool" bench "${few[@]}"
[ -z "$(ls -A "$work/tmp")" ] || fail 'bench leaves nothing behind'
expect 'bench speaks JSON' 0 '"work":"captions","how":"greedy","batch":2' '"share_of_peak":' '"peak_bytes":' -- "$tool" bench "${few[@]}" --work captions --json
[ "$(wc -l < "$work/out")" = 2 ] || fail 'bench measures what was asked for'
expect 'bench speaks CSV' 0 'model,work,how,batch' '"scenes","images","blip",2,"bf16",1,' -- "$tool" bench "${few[@]}" --work images --precision bf16 --csv
expect 'bench names the sizes that there are' 1 '--models' 'scenes' -- "$tool" bench --models scnees
expect 'bench of what nobody measures is a wrong usage' 2 '--work' -- "$tool" bench --work sleep

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
