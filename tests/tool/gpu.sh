#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# gpu.sh TOOL SCENES_MODELS TOOL_ON_EMULATED_GPU: which back end the tool takes, how it says so, and that captions of a
# GPU are those of the processor.
set -u
tool=$1 scenes_models=$2 emulated=$3
export CUDA_VISIBLE_DEVICES=-1 OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive  # what is there is hidden; the emulated one is not
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
fail() { echo "FAILED: $1"; sed 's/^/    /' "$work/out" "$work/err" | head -n 20; failed=1; }
# expect NAME EXIT LINE COMMAND...: its exit code, and all that it says on stderr; an empty LINE: nothing.
expect() {
  local name=$1 code=$2 line=$3; shift 3
  "$@" > "$work/out" 2> "$work/err"
  local found=$?
  [ $found = "$code" ] || fail "$name: exit $found, not $code"
  [ "$(cat "$work/err")" = "$line" ] || fail "$name: stderr is not \"$line\""
}

mkdir "$work/models"
"$scenes_models" "$work/models" || { echo 'FAILED: scenes_models'; exit 1; }
pictures=("$work"/models/pictures/*.png)
caption=(caption --model "$work/models/captioner/model" --image "${pictures[@]}" --max-tokens 5 --json)
match=(match --model "$work/models/filter/model" --image "${pictures[0]}" --text 'a red circle')

"$tool" "${caption[@]}" --backend cuda > "$work/out" 2> "$work/err"
[ $? = 1 ] || fail 'cuda without a GPU is a failed job'
grep -qE '^blip: --backend cuda' "$work/err" || fail 'the error names the option'
grep -qE 'this build is without CUDA|no GPU answers' "$work/err" || fail 'the error says why'
[ "$(wc -l < "$work/err")" -le 3 ] || fail 'an error has at most three lines'
lacks=$(grep -oE 'this build is without CUDA|no GPU answers' "$work/err")
expect 'auto without a GPU says so in one line' 0 "back end: cpu, $lacks" "$tool" "${caption[@]}" --backend auto
cp "$work/out" "$work/captions"
expect 'auto is what there is without the option' 0 "back end: cpu, $lacks" "$tool" "${caption[@]}"
expect 'quiet says nothing' 0 '' "$tool" "${caption[@]}" --quiet
expect 'cpu says nothing' 0 '' "$tool" "${caption[@]}" --backend cpu
cmp -s "$work/out" "$work/captions" || fail 'cpu and auto caption alike'

expect 'auto takes a GPU that answers' 0 'back end: cuda' "$emulated" "${caption[@]}" --precision fp32
sed -E 's/"(log_probability|score)":[^,}]*//g' "$work/out" > "$work/on_gpu"
sed -E 's/"(log_probability|score)":[^,}]*//g' "$work/captions" | cmp -s - "$work/on_gpu" || fail 'captions of a GPU are those of the processor'
expect 'cuda says nothing' 0 '' "$emulated" "${caption[@]}" --backend cuda --precision fp32
cp "$work/out" "$work/exact"
expect 'cpu can still be asked for' 0 '' "$emulated" "${caption[@]}" --backend cpu
cmp -s "$work/out" "$work/captions" || fail 'the processor of a build with a GPU captions alike'
"$emulated" "${caption[@]}" --backend cuda > "$work/out" 2> "$work/err" || fail 'products of bf16 are the default of a GPU'
cmp -s "$work/out" "$work/exact" && fail 'bf16 has the very numbers of fp32'
expect 'auto of a command without models for a GPU' 0 'back end: cpu, this command has no models for a GPU yet' "$emulated" "${match[@]}"
"$emulated" "${match[@]}" --backend cuda > "$work/out" 2> "$work/err"
[ $? = 1 ] || fail 'cuda of a command without models for a GPU is a failed job'
grep -qF 'this command has no models for a GPU yet' "$work/err" || fail 'the error says what is missing'
[ $failed = 0 ] && echo 'back ends are chosen and named as promised'
exit $failed
