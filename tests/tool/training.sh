#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# training.sh TOOL SCENES_FILES: pre-training, fine-tuning, CapFilt, evaluation and the main job on pictures in files.
set -u
tool=$1 scenes_files=$2
here=$(dirname "${BASH_SOURCE[0]}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; sed 's/^/    /' "$work/out" "$work/err" | tail -n 20; failed=1; }
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
# number NAME: of the JSON object that was printed last.
number() { sed -nE "s/.*\"$1\":([-0-9.e+]+).*/\1/p" "$work/out"; }
between() { awk -v x="${1:-none}" -v a="$2" -v b="$3" 'BEGIN { exit !(x + 0 == x && x >= a && x <= b) }'; }

for name in pretrain finetune capfilt evaluate; do
  expect "$name --help shows an example" 0 'Example:' "  blip $name " -- "$tool" $name --help
done
expect 'the help of bootstrap says which words it knows' 0 'whole ones' '--human' '--web' -- "$tool" bootstrap --help

data=$work/data
mkdir "$data"
"$scenes_files" "$data" || { echo 'FAILED: scenes_files'; exit 1; }
root=,root=$data/pictures
human=jsonl:$data/human.jsonl$root web=coco:$data/web.json$root test=coco:$data/test.json$root
job=("$tool" bootstrap --human "$human" --web "$web" --steps 12 --batch 8)

# The main job on files.
expect 'the main job on files' 0 'report.html' '1 sample was skipped: format' -- "${job[@]}" --test "$test" --out "$work/run" --threads 2
grep -qF 'captions kept' "$work/err" || fail 'CapFilt shows how far it is'
grep -qF 'nobody knows which captions are true' "$work/run/report.html" || fail 'the report says that the truth is not known'
grep -qF 'Which lies' "$work/run/report.html" && fail 'the report leaves out what needs the truth'
grep -qF 'among 30 pictures' "$work/run/report.html" || fail 'the report measures on the set that was named'
for m in captioner filter; do [ -f "$work/run/$m/model/vocab.txt" ] || fail "$m has its words"; done
grep -qE '^(circle|square)$' "$work/run/captioner/model/vocab.txt" || fail 'words come from the captions'
expect 'the same job with one thread' 0 '"ir1_after":' '"reranked_ir1_before":' '"reranked_tr1_after":' \
  -- "${job[@]}" --test "$test" --out "$work/one" --threads 1 --quiet --json
grep -qF 'Where each word looks' "$work/one/report.html" || fail 'the report shows where words look'
for f in captioner/model/model.safetensors filter/model/model.safetensors pretrain-again/weights.safetensors bootstrapped.jsonl report.html; do
  cmp -s "$work/run/$f" "$work/one/$f" || fail "one and two threads give the same $f"
done
expect 'a tenth of the pictures is held out' 0 'report.html' -- "${job[@]}" --out "$work/held" --quiet
grep -qF 'among 12 pictures' "$work/held/report.html" || fail 'a tenth of 121 pictures is measured on'
# The main job stage by stage.
stages=("${job[@]}" --test "$test" --out "$work/stages" --threads 2 --quiet)
expect 'the first stages' 0 '"made":' 'captioner/weights.safetensors' -- "${stages[@]}" --stages pretrain,captioner --json
[ -f "$work/stages/captioner/model/vocab.txt" ] || fail 'a stage that is over leaves its model'
[ ! -e "$work/stages/filter" ] || fail 'a stage that was not named is not run'
expect 'a stage without its inputs' 1 'filter/weights.safetensors' 'the stage filter makes it' -- "${stages[@]}" --resume --stages capfilt
expect 'a stage that there is not' 1 'did you mean capfilt?' -- "${stages[@]}" --resume --stages capfil
echo half > "$work/stages/report.html.part$(bash -c 'echo $$')"
expect 'the other stages' 0 'report.html' -- "${stages[@]}" --resume --stages filter,capfilt,pretrain-again,report
ls "$work/stages" | grep -q part && fail 'what a killed process has half written is removed'
for f in pretrain-again/weights.safetensors bootstrapped.jsonl report.html filter/model/model.safetensors; do
  cmp -s "$work/run/$f" "$work/stages/$f" || fail "stage by stage the same $f is made"
done
# Rows of the paper's ablation: the filter alone, the captioner alone, captions by beam search, less of the web.
row() { "${job[@]}" --test "$test" --out "$work/$1" --quiet --json --stages pretrain,filter,captioner,capfilt "${@:2}"; }
expect 'the filter alone' 0 '"kept_synthetic_captions":0' -- row filter_row --keep web
expect 'no filter' 0 '"made":' -- row captioner_row --threshold 0
[ "$(number kept_web_captions)" = "$(number web_captions)" ] && fail 'the broken sample is left out'
[ "$(number kept_web_captions)" = 128 ] || fail 'a threshold of 0 keeps all of the web'
[ "$(number kept_synthetic_captions)" -gt 0 ] || fail 'a threshold of 0 keeps what was made'
expect 'captions by beam search' 0 '"made":' -- row beam_row --threshold 0 --sampler beam
cmp -s "$work/beam_row/bootstrapped.jsonl" "$work/captioner_row/bootstrapped.jsonl" && fail 'beams are no samples'
expect 'less of the web' 0 '"web_captions":40' -- row few_row --web-pairs 40
expect 'other captions are another run' 1 'begun with another sampler' -- row beam_row --resume --sampler sample --threshold 0
expect 'another set is another run' 1 'begun with another choice of texts' -- row filter_row --resume
expect 'human data alone are no main job' 1 '--web' -- "$tool" bootstrap --human "$human" --out "$work/x"
expect 'more than 1 % of broken samples stop the job' 1 'at most 1 % of them' -- "$tool" bootstrap \
  --human "jsonl:$data/broken.jsonl$root" --web "$web" --test "$test" --steps 40 --batch 8 --out "$work/broken" --quiet
expect 'a missing file is named' 1 'nowhere.jsonl' -- "$tool" bootstrap --human jsonl:nowhere.jsonl --web "$web" --out "$work/x" --quiet
expect 'sizes that were not compiled are said' 1 'scenes' -- "$tool" bootstrap --human "$human" --web "$web" --preset blip-base --out "$work/x"
expect 'pictures of no size' 1 'a multiple of 8' -- "$tool" bootstrap --human "$human" --web "$web" --image-size 33 --out "$work/x"
[ ! -e "$work/x" ] || fail 'a refused run makes no folder'

# CapFilt by itself.
models=(--captioner "$work/run/captioner/model" --filter "$work/run/filter/model")
expect 'capfilt' 0 '"samples":129' '"skipped":1' -- "$tool" capfilt "${models[@]}" --data "$web" --out "$work/kept.jsonl" \
  --threshold 0.1 --report "$work/kept.report.json" --json --seed 3
kept=$(number lines)
[ "$(wc -l < "$work/kept.jsonl")" = "$kept" ] || fail 'as many lines as the result says'
head -n1 "$work/kept.jsonl" | grep -qE '^\{"image":"web/[0-9]+\.jpg","caption":".*","source":"(web|synthetic)","itm_probability":[0-9.e-]+\}$' \
  || fail 'a line of capfilt'
grep -qF '"noise_ratio"' "$work/kept.report.json" || fail 'the report of capfilt'
expect 'an output that is there is refused' 1 'no earlier output' -- "$tool" capfilt "${models[@]}" --data "$web" --out "$work/kept.jsonl"
expect 'resumed, what is finished stays' 0 "\"lines\":$kept" -- "$tool" capfilt "${models[@]}" --data "$web" --out "$work/kept.jsonl" \
  --threshold 0.1 --json --seed 3 --resume
expect 'with another threshold it is another output' 1 'begun with another threshold' -- "$tool" capfilt "${models[@]}" --data "$web" \
  --out "$work/kept.jsonl" --threshold 0.2 --seed 3 --resume
expect 'the filter alone needs no captioner' 0 '"synthetic_kept":0' -- "$tool" capfilt --filter "$work/run/filter/model" --data "$web" \
  --out "$work/web.jsonl" --keep web --json --quiet
expect 'captions need a captioner' 1 '--captioner' -- "$tool" capfilt --filter "$work/run/filter/model" --data "$web" --out "$work/x.jsonl"

# Evaluation.
expect 'retrieval' 0 '"images":30,"texts":60' -- "$tool" evaluate --task retrieval --model "$work/run/filter/model" --data "$test" --quiet
for n in tr1 tr5 tr10 ir1 ir5 ir10; do between "$(number $n)" 0 100 || fail "retrieval: $n"; done
[ "$(number pairs_read)" = 1800 ] || fail 'without --rerank 128 candidates are read, here all'
cp "$work/out" "$work/reranked"
expect 'retrieval as retrieve does it' 0 -- "$tool" retrieve --model "$work/run/filter/model" --annotations "$data/test.json" --image-root "$data/pictures" --json --quiet
for n in tr1 tr5 tr10 ir1 ir5 ir10; do
  [ "$(number $n)" = "$(sed -nE "s/.*\"$n\":([-0-9.e+]+).*/\1/p" "$work/reranked")" ] || fail "retrieve and evaluate agree: $n"
done
expect 'retrieval by the contrast alone' 0 '"pairs_read":0' -- "$tool" evaluate --task retrieval --model "$work/run/filter/model" --data "$test" --rerank 0 --quiet
expect 'captions' 0 '"images":30' '"bleu4":' '"rouge_l":' '"cider":' -- "$tool" evaluate --task caption --model "$work/run/captioner/model" --data "$test" --quiet
grep -qF true_captions "$work/out" && fail 'of pictures in files nobody knows what is true'
expect 'captions, whose truth is known' 0 '"cider":' '"true_captions_of_two":' -- "$tool" evaluate --task caption --model "$work/run/captioner/model" \
  --data scenes:nano,split=test --images 64 --quiet
between "$(number true_captions)" 0 1 || fail 'captions: true_captions'
expect 'filter, whose truth is known' 0 'of the generated world' -- "$tool" evaluate --task filter --model "$work/run/filter/model" \
  --data scenes:nano,split=web-test --images 64 --quiet
between "$(number auc)" 0 1 || fail 'filter: auc'
expect 'filter, whose truth is not known' 0 '"pairs":60' 'average_precision' -- "$tool" evaluate --task filter --model "$work/run/filter/model" --data "$test" --quiet

# Pre-training, and fine-tuning of what comes out.
train=(--data "$human" --steps 8 --batch 8)
for family in blip albef; do
  expect "pretrain $family" 0 'weights.safetensors' -- "$tool" pretrain --family $family "${train[@]}" --out "$work/$family" --threads 2 --quiet
  expect "pretrain $family, one thread" 0 -- "$tool" pretrain --family $family "${train[@]}" --out "$work/$family-one" --threads 1 --quiet
  cmp -s "$work/$family/weights.safetensors" "$work/$family-one/weights.safetensors" || fail "$family: one and two threads give the same weights"
done
for f in options.json log.jsonl vocab.txt checkpoints/step-8; do [ -e "$work/blip/$f" ] || fail "a run has $f"; done
ls "$work/blip" | grep -q '^events.out.tfevents' || fail 'a run has events for TensorBoard'
for family in blip albef; do
  words=(); [ $family = albef ] || words=(--preset scenes --vocab "$work/blip/vocab.txt")
  model=$work/$family; [ $family = albef ] || model=$work/blip/weights.safetensors
  expect "recall of what $family was pre-trained to" 0 '"images":30' '"ir1":' -- "$tool" evaluate --task retrieval --model "$model" "${words[@]}" \
    --rerank 4 --data "$test" --quiet
done
expect 'fine-tune a captioner' 0 '"model":' -- "$tool" finetune --task caption --model "$work/blip" "${train[@]}" --out "$work/captioner" --json --quiet
expect 'fine-tune a filter' 0 'model' -- "$tool" finetune --task retrieval --model "$work/blip" "${train[@]}" --out "$work/filter" --quiet
expect 'what was fine-tuned speaks' 0 '"caption":' -- "$tool" caption --model "$work/captioner/model" --image "$data/pictures/test/0.jpg" --json
expect 'what was fine-tuned judges' 0 '"itm_probability":' -- "$tool" match --model "$work/filter/model" --image "$data/pictures/test/0.jpg" --text 'a red circle' --json
# Questions, statements about two pictures, entailment: of the generated world and of files.
task() {  # TASK FAMILY RUN DATA OPTIONS...
  "$tool" finetune --task $1 --family $2 --model "$work/$2" --data "$4" --steps 8 --batch 8 --out "$work/$3" --quiet "${@:5}"
}
picture=$data/pictures/test/0.jpg
for family in blip albef; do
  expect "questions of $family" 0 "$family-vqa" -- task vqa $family $family-vqa scenes:nano,split=human --threads 2
  expect "questions of $family, one thread" 0 -- task vqa $family $family-vqa-one scenes:nano,split=human --threads 1
  cmp -s "$work/$family-vqa/weights.safetensors" "$work/$family-vqa-one/weights.safetensors" || fail "$family: one and two threads answer alike"
  grep -qx 'color' "$work/$family-vqa/vocab.txt" || fail 'the words of questions are known'
  expect "$family answers" 0 '"answer":' -- "$tool" vqa --model "$work/$family-vqa" --image "$picture" --question 'what color is the circle ?' --json
  expect "$family is measured on questions" 0 '"records":24' -- "$tool" evaluate --task vqa --model "$work/$family-vqa" --data scenes:nano,split=test --images 24 --quiet
  between "$(number accuracy)" 0 100 || fail "accuracy of $family"
  expect "statements of $family" 0 '"model":' -- task nlvr $family $family-nlvr scenes:nano,split=human --json
  expect "$family reasons" 0 '"probability":' -- "$tool" nlvr --model "$work/$family-nlvr" --image "$picture" --image "$picture" --text 'a red circle in the left image' --json
  expect "$family is measured on statements" 0 '"records":24' -- "$tool" evaluate --task nlvr --model "$work/$family-nlvr" --data scenes:nano,split=test --images 24 --quiet
done
[ -f "$work/blip-vqa/model/config.json" ] || fail 'what transformers has a class for is a model folder'
expect 'a model folder answers' 0 '"answer":' -- "$tool" vqa --model "$work/blip-vqa/model" --image "$picture" --question 'is there a circle ?' --json
expect 'entailment' 0 -- task entailment albef entailment scenes:nano,split=human
expect 'what entails' 0 '"entailment":' -- "$tool" entail --model "$work/entailment" --image "$picture" --text 'there is a circle' --json
expect 'entailment is measured' 0 '"records":24' -- "$tool" evaluate --task entailment --model "$work/entailment" --data scenes:nano,split=test --images 24 --quiet
expect 'BLIP has no entailment' 1 'albef entailment scenes' -- task entailment blip x scenes:nano,split=human
# Matching as a task: BLIP's and ALBEF's, and where in a picture an expression is.
expect 'ALBEF learns to match' 0 '"model":' -- task retrieval albef albef-filter "$human" --threads 2 --json
expect 'ALBEF learns to match, one thread' 0 -- task retrieval albef albef-filter-one "$human" --threads 1
cmp -s "$work/albef-filter/weights.safetensors" "$work/albef-filter-one/weights.safetensors" || fail 'ALBEF matches alike with one and two threads'
expect 'what ALBEF learnt judges' 0 '"itm_probability":' -- "$tool" match --model "$work/albef-filter" --image "$picture" --text 'a red circle' --json
for family in blip albef; do
  expect "grounding of $family" 0 "$family-ground" -- task grounding $family $family-ground scenes:nano,split=human
  expect "$family is measured on places" 0 '"records":24' -- "$tool" evaluate --task grounding --model "$work/$family-ground" \
    --data scenes:nano,split=test --images 24 --quiet
  between "$(number accuracy)" 0 100 || fail "accuracy of the places of $family"
  expect "$family shows a place" 0 '"heatmap":' -- "$tool" ground --model "$work/$family-ground" --image "$picture" --text 'a red circle' \
    --out "$work/$family.png" --json
done
p0=test/0.jpg p1=test/1.jpg
echo "[{\"image\": \"$p0\", \"text\": \"a circle\", \"ref_id\": 1, \"box\": [4, 4, 20, 20]}, {\"image\": \"$p1\", \"text\": \"a square\", \"ref_id\": 2}]" > "$work/refs.json"
echo '{"0": [{"box": [4, 4, 20, 20]}], "1": [{"box": [1, 1, 9, 9]}]}' > "$work/boxes.json"
ground=(evaluate --task grounding --model "$work/albef-ground" --quiet)
expect 'grounding of a file' 0 -- task grounding albef ground-file "refcoco:$work/refs.json$root"
expect 'places of a file, of which one says what is meant' 0 '"records":1,"skipped":1' -- "$tool" "${ground[@]}" --data "refcoco:$work/refs.json$root" \
  --boxes "$work/boxes.json"
echo '{"0": []}' > "$work/no-boxes.json"
expect 'no record can be measured' 1 'a record with its pictures' -- "$tool" "${ground[@]}" --data "refcoco:$work/refs.json$root" --boxes "$work/no-boxes.json"
expect 'places of a file need boxes' 1 '--boxes' 'of a detector' -- "$tool" "${ground[@]}" --data "refcoco:$work/refs.json$root"
expect 'a world has boxes of its own' 1 '--boxes' -- "$tool" "${ground[@]}" --data scenes:nano,split=test --boxes "$work/boxes.json"
echo "[{\"question_id\": 1, \"question\": \"What is it?\", \"image\": \"$p0\", \"dataset\": \"vqa\", \"answer\": [\"red\", \"red\", \"circle\"]},
 {\"question_id\": 2, \"question\": \"And this?\", \"image\": \"$p1\", \"dataset\": \"vg\", \"answer\": \"blue\"}]" > "$work/vqa.json"
echo "[{\"sentence\": \"a circle in the left image\", \"label\": \"True\", \"images\": [\"$p0\", \"$p1\"]}]" > "$work/nlvr.json"
echo "[{\"image\": \"test/0\", \"sentence\": \"there is a circle\", \"label\": \"neutral\"}]" > "$work/ve.json"
expect 'questions of a file' 0 -- task vqa blip vqa-file "vqa:$work/vqa.json$root"
expect 'statements of a file' 0 -- task nlvr blip nlvr-file "nlvr:$work/nlvr.json$root"
expect 'entailment of a file' 0 -- task entailment albef ve-file "snli-ve:$work/ve.json$root"
expect 'measured on the same file' 0 '"records":1' '"accuracy":' -- "$tool" evaluate --task entailment --model "$work/ve-file" --data "snli-ve:$work/ve.json$root" --quiet
expect 'data of another task' 1 'nlvr:FILE' -- task nlvr blip x "vqa:$work/vqa.json$root"
expect 'a world without its split' 1 'split=human' -- task vqa blip x scenes:nano
expect 'several data of records' 1 '--data' -- task vqa blip x scenes:nano,split=human --data scenes:nano,split=web
[ ! -e "$work/x" ] || fail 'what is refused makes no folder of a run'
expect 'a published recipe at a small size' 0 '"updates":3' -- "$tool" pretrain --options "$here/../../examples/recipes/blip_pretrain.json" \
  --data "$human" --steps 3 --batch 8 --queue 64 --out "$work/recipe" --json --quiet
grep -qF '"schedule": "blip_step_decay"' "$work/recipe/options.json" || fail 'options.json says how it was trained'
grep -qF '"ranks": 8' "$work/recipe/options.json" || fail 'as many ranks as the recipe says'
echo '{"task": "retrieval", "ranks": 2, "negatives_of_all_ranks": true, "shortlist": 3, "words": 3}' > "$work/ranks.json"
for threads in 1 2; do
  expect "two ranks, $threads threads" 0 -- "$tool" finetune --task retrieval --model "$work/blip" "${train[@]}" \
    --options "$work/ranks.json" --out "$work/ranks-$threads" --threads $threads --quiet
done
cmp -s "$work/ranks-1/weights.safetensors" "$work/ranks-2/weights.safetensors" || fail 'two ranks give the same weights with one and two threads'
cmp -s "$work/ranks-1/weights.safetensors" "$work/filter/weights.safetensors" && fail 'two ranks see more than one'
[ "$(wc -l < "$work/ranks-1/log.jsonl")" = "$(wc -l < "$work/filter/log.jsonl")" ] || fail 'two ranks have one log'
expect 'the shortlist of the recipe is that of the evaluation' 0 -- "$tool" evaluate --task retrieval --model "$work/ranks-1/model" --data "$test" --quiet
between "$(number pairs_read)" 90 270 || fail 'three candidates of each query are read'
echo '{"task": "caption", "shortlist": 3}' > "$work/wrong.json"
expect 'what a task has no use for' 1 'shortlist' -- "$tool" finetune --task caption --model "$work/blip" "${train[@]}" \
  --options "$work/wrong.json" --out "$work/x"
expect 'gradients of several micro-batches' 0 -- "$tool" pretrain "${train[@]}" --accumulate 2 --out "$work/accumulated" --quiet
expect 'a folder that is there needs --resume' 1 '--resume' -- "$tool" pretrain "${train[@]}" --out "$work/blip"
expect 'another recipe is another run' 1 'begun with another rate' -- "$tool" pretrain "${train[@]}" --rate 1e-4 --out "$work/blip" --resume
echo '{"epoch": 3}' > "$work/wrong.json"
expect 'an option that there is not' 1 'did you mean epochs?' -- "$tool" pretrain "${train[@]}" --options "$work/wrong.json" --out "$work/x"
expect 'a size that was not compiled' 1 'blip pretrain scenes' -- "$tool" pretrain "${train[@]}" --preset blip-large --out "$work/x"

# SIGTERM saves; what goes on ends with the bytes of what was not stopped.
long=("$tool" pretrain --data "$human" --steps 60 --batch 8 --threads 1 --log-every 1 --checkpoint-every 7)
"${long[@]}" --out "$work/stopped" > "$work/out" 2> "$work/err" &
id=$!
for _ in $(seq 200); do [ "$(wc -l < "$work/stopped/log.jsonl" 2> /dev/null || echo 0)" -gt 3 ] && break; sleep 0.02; done
kill -TERM $id; wait $id
code=$?
if [ $code = 75 ]; then
  grep -qF -- '--resume' "$work/err" || fail 'a stopped run says how to go on'
  [ ! -e "$work/stopped/weights.safetensors" ] || fail 'a stopped run has no weights'
else
  [ $code = 0 ] || fail "SIGTERM: exit $code"  # a slow signal
fi
expect 'the run goes on' 0 -- "${long[@]}" --out "$work/stopped" --resume --quiet
expect 'the same run, not stopped' 0 -- "${long[@]}" --out "$work/whole" --quiet
cmp -s "$work/stopped/weights.safetensors" "$work/whole/weights.safetensors" || fail 'stopped and gone on, the weights are the same'

bash "$here/../faults/kill_bootstrap.sh" "$tool" 3 "$human" "$web" || failed=1

[ $failed = 0 ] && echo 'tool_training: every test passed'
exit $failed
