#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ablation.sh TOOL ABLATION_SHARING: the ablation's script on few pairs: its rows, what they keep, a stop in the middle,
# the table.
set -u
tool=$1 sharing=$2
ablation=$(dirname "${BASH_SOURCE[0]}")/../../bench/ablation
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; sed 's/^/    /' "$work/out" "$work/err" | tail -n 20; failed=1; }
run() { bash "$ablation/run.sh" "$@" --tool "$tool" --sharing "$sharing" --threads 1 > "$work/out" 2> "$work/err"; }
number() { sed -nE "s/.*\"$1\":([-0-9.e+]+).*/\1/p" "$2"; }
command -v python3 > /dev/null || { echo 'skipped: no python3'; exit 77; }

few=(--steps 4 --web 128 --images 20 --seeds 3)
rows='none filter captioner both'
run "$work/whole" "${few[@]}" --rows "$rows" || fail 'the four rows'
here=$work/whole/seed-3/whole
[ "$(grep -c '^| .* | 1 | ' "$work/out")" = 4 ] || fail 'a table of four rows'
[ "$(number web_captions "$here/both/set.json")" = 128 ] || fail 'the first pairs of the web alone'
[ "$(number kept_web_captions "$here/captioner/set.json")" = 128 ] || fail 'a threshold of 0 keeps all of the web'
grep -q synthetic "$here/captioner/bootstrapped.jsonl" || fail 'and what the captioner wrote'
grep -q synthetic "$here/filter/bootstrapped.jsonl" && fail 'the filter alone has no captioner'
for file in contrast reranked captions; do [ -s "$here/none/$file.json" ] || fail "$file.json"; done
[ -n "$(number true_captions_of_two "$here/none/captions.json")" ] || fail 'the truth of captions'
cmp -s "$here/none/pretrain/weights.safetensors" "$here/both/pretrain/weights.safetensors" || fail 'rows share the first pre-training'

touch "$work/now"
run "$work/whole" "${few[@]}" --rows "$rows" || fail 'run again'
[ -z "$(find "$work/whole" -type f -newer "$work/now")" ] || fail 'run again, nothing is made again'
run "$work/whole" "${few[@]}" --steps 5 && fail 'other steps are another ablation'
run "$work/whole" --rows filtre; [ $? = 2 ] || fail 'a row that there is not is a wrong usage'

# Other sharing schemes; BLIP's own is the row both.
run "$work/whole" "${few[@]}" --rows 'sharing/all sharing/none sharing/all_but_cross_attention' || fail 'sharing schemes'
grep -q '^| nothing | 1 | ' "$work/out" || fail 'a table of sharing schemes'
mkdir "$work/same" && cp "$here/both/bootstrapped.jsonl" "$work/same"
"$sharing" "$work/same" --scheme all_but_self_attention --seed 3 --steps 4 > "$work/out" 2> "$work/err" || fail 'the scheme of BLIP'
cmp -s "$work/same/pretrain-again/weights.safetensors" "$here/both/pretrain-again/weights.safetensors" ||
  fail 'the scheme of BLIP gives the weights of the row both'
"$sharing" "$work/same" --scheme all --seed 3 --steps 4 > "$work/out" 2> "$work/err" && fail 'another scheme is another run'

# Stopped once it has begun, and gone on with.
bash "$ablation/run.sh" "$work/stopped" "${few[@]}" --rows both --tool "$tool" > "$work/out" 2> "$work/err" & id=$!
for _ in $(seq 500); do [ -d "$work/stopped/seed-3/whole/none/pretrain" ] && break; sleep 0.02; done
kill -TERM $id 2> /dev/null; wait $id
code=$?
[ $code = 75 ] || fail "a stopped run: exit $code, not 75"
run "$work/stopped" "${few[@]}" --rows both || fail 'it goes on'
for file in set.json bootstrapped.jsonl pretrain-again/weights.safetensors reranked.json captions.json; do
  cmp -s <(sed "s|$work/[a-z]*||" "$work/stopped/seed-3/whole/both/$file") <(sed "s|$work/[a-z]*||" "$here/both/$file") ||
    fail "stopped and gone on, $file is the same"
done
[ $failed = 0 ] && echo 'ablation: every test passed'
exit $failed
