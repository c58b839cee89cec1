# SPDX-License-Identifier: Apache-2.0
# Read by run.sh: questions, entailment and reasoning about two pictures, on the models in $models/answers.
answers=$models/answers
said() { sed -n "s/^$1 //p" "$answers/expected.txt"; }
# model NAME: the options that name one of the models.
model() { echo --model "$answers/$1.safetensors" --preset scenes --vocab "$answers/vocab.txt"; }
for name in vqa nlvr entail; do
  expect "$name --help shows an example" 0 'Example:' "  blip $name " -- "$tool" $name --help
  expect "$name without anything is a wrong usage" 2 '--model' -- "$tool" $name
done
questions=('What is it?' 'is it (very) large?')

for family in blip albef; do
  ask=("$tool" vqa $(model $family) --image "${pictures[0]}")
  expect "$family answers questions" 0 -- "${ask[@]}" --question "${questions[@]}" --quiet
  cut -f2 "$work/out" | diff - <(said $family-vqa) > /dev/null || fail "answers of $family are those of the library"
  expect "$family ranks answers" 0 '"question":"What is it?"' '"candidates":[{"answer":' -- "${ask[@]}" \
    --question "${questions[@]}" --answers "$answers/answers.txt" --json
  grep -oE '"score":[^}]*' "$work/out" | cut -d: -f2 |
    diff - <(said $family-rank | tr ' ' '\n') > /dev/null || fail "scores of $family are those of the library"
done
ask=("$tool" vqa $(model blip) --image "${pictures[0]}" --question 'what is it?')
expect 'several answers are candidates' 0 -- "${ask[@]}" --num-captions 3 --json
[ "$(grep -o '"score"' "$work/out" | wc -l)" = 3 ] || fail 'three beams are three candidates'
expect 'a shortlist' 0 -- "${ask[@]}" --answers "$answers/answers.txt" --shortlist 2 --json
[ "$(grep -o '"score"' "$work/out" | wc -l)" = 2 ] || fail 'a shortlist of two has two candidates'
echo '["red", "a blue square"]' > "$work/answers.json"
expect 'answers in JSON' 0 -- "${ask[@]}" --answers "$work/answers.json"
expect 'the plain loops answer too' 0 '"answer":' -- "${ask[@]}" --max-tokens 2 --backend reference --json
expect 'an empty question is bad input' 1 '--question' 'a text' 'for example' -- "$tool" vqa $(model blip) --image "${pictures[0]}" --question ' '
: > "$work/none.txt"
expect 'an empty list of answers is bad input' 1 'none.txt' 'one per line' -- "${ask[@]}" --answers "$work/none.txt"
expect 'a list of answers that is not there' 1 'no-such.txt' -- "${ask[@]}" --answers "$work/no-such.txt"

expect 'entail' 0 '"label":"' '"probabilities":{"contradiction":' -- "$tool" entail $(model entail) --image "${pictures[0]}" \
  --text 'A red circle, or a (blue) square.' --json
sed -E 's/.*"contradiction":([^,]*),"neutral":([^,]*),"entailment":([^}]*).*/\1\n\2\n\3/' "$work/out" |
  diff - <(said entail) > /dev/null || fail 'probabilities of entailment are those of the library'
for family in blip albef; do
  expect "nlvr of $family" 0 '"answer":"' -- "$tool" nlvr $(model $family-pairs) --image "${pictures[0]}" --image "${pictures[1]}" \
    --text 'A red circle, or a (blue) square.' --json
  [ "$(sed -E 's/.*"probability":([^}]*).*/\1/' "$work/out")" = "$(said $family-pairs | sort -g | tail -n1)" ] ||
    fail "the probability of $family is that of the library"
done
expect 'nlvr wants two pictures' 1 '--image' 'two pictures' 'found 1' -- "$tool" nlvr $(model blip-pairs) --image "${pictures[0]}" --text 'a circle'
expect 'an empty sentence is bad input' 1 '--text' 'for example' -- "$tool" nlvr $(model blip-pairs) --image "${pictures[@]:0:2}" --text ''
expect 'entail of an empty text is bad input' 1 '--text' 'for example' -- "$tool" entail $(model entail) --image "${pictures[0]}" --text ''

# What goes wrong alike.
echo 'no picture' > "$work/picture.jpg"
for command in 'vqa --question circle' 'entail --text circle' "nlvr --image ${pictures[0]} --text circle"; do
  name=${command%% *}
  case $name in vqa) of=blip ;; entail) of=entail ;; nlvr) of=blip-pairs ;; esac
  try() { expect "$1" "$2" "${@:4}" -- "$tool" $command $3; }  # NAME EXIT OPTIONS WORDS...
  try "$name of a missing picture" 1 "$(model $of) --image $work/no-such.png" 'no-such.png'
  try "$name of a text named .jpg" 1 "$(model $of) --image $work/picture.jpg" 'picture.jpg' 'found text'
  try "$name of a missing model" 1 "--model $work/no-such.pth --preset scenes --vocab $answers/vocab.txt --image ${pictures[1]}" 'no-such.pth'
  try "$name of a preset that there is not" 1 "--model $answers/$of.safetensors --preset scene --vocab $answers/vocab.txt --image ${pictures[1]}" \
    '--preset' 'did you mean scenes'
  try "$name of a preset that does not fit" 1 "--model $answers/$of.safetensors --preset albef-base --vocab $answers/vocab.txt --image ${pictures[1]}" \
    "$of.safetensors" 'another preset: blip inspect'
  head -n 40 "$answers/vocab.txt" > "$work/few.txt"
  try "$name with other words" 1 "--model $answers/$of.safetensors --preset scenes --vocab $work/few.txt --image ${pictures[1]}" \
    'few.txt' '--vocab names'
  try "$name without words" 1 "--model $answers/$of.safetensors --preset scenes --image ${pictures[1]}" '--vocab'
  head -c 100000 "$answers/$of.safetensors" > "$work/cut.safetensors"
  try "$name of a checkpoint that was cut off" 1 "--model $work/cut.safetensors --preset scenes --vocab $answers/vocab.txt --image ${pictures[1]}" \
    'cut.safetensors' 'may be cut off'
  try "$name of a model of another task" 1 "--model $writer --image ${pictures[1]}" 'BlipForConditionalGeneration' '--preset'
done
