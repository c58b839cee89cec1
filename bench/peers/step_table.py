# SPDX-License-Identifier: Apache-2.0
"""One pre-training step of a family, ours and both PyTorch variants in fp32 and bf16, run in turn: a Markdown table.

    step_table.py --family blip --ours ../../build/bench/bench/pretrain_step --python peers/bin/python [--rounds 3]

Every round runs all six programs once, so what slows the machine for a while slows them all. "ratio" is the median
over the rounds of our speed over the peer's in the same round (with its range), in equal precision; the last lines
compare our faster precision with the peer's faster one. "held" is what the process holds at its peak beyond
parameters, gradients, moments and momentum weights.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LENGTHS = HERE / "caption_lengths.txt"


def commands(o):
    sizes = ["--family", o.family, "--batch", str(o.batch), "--threads", str(o.threads), "--steps", str(o.steps)]
    for precision in o.precisions:
        yield ("ours", precision), [o.ours, *sizes, "--precision", precision, "--lengths", str(LENGTHS)]
        for variant in ("published", "expert"):
            yield (variant, precision), [o.python, str(HERE / "pretrain_step.py"), *sizes, "--precision", precision,
                                         "--variant", variant, "--json"]


def measure(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads([line for line in out.splitlines() if line.startswith("{")][-1])


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=("blip", "albef"), default="blip")
    parser.add_argument("--ours", required=True, help="the built program pretrain_step")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", choices=("fp32", "bf16"), default=["fp32", "bf16"])
    parser.add_argument("--log", help="a file that keeps every line of JSON")
    o = parser.parse_args()

    runs = {}
    for _ in range(o.rounds):
        for key, command in commands(o):
            found = measure(command)
            runs.setdefault(key, []).append(found)
            if o.log:
                with open(o.log, "a", encoding="utf-8") as log:
                    log.write(json.dumps({"side": key, **found}) + "\n")

    speed = {key: [r["samples_per_second"] for r in found] for key, found in runs.items()}
    held = {key: statistics.median(r["held_bytes"] for r in found) / 2**30 for key, found in runs.items()}
    print("| program | precision | samples/s | ours / this | held GiB | ours / this |\n|---|---|---|---|---|---|")
    for (side, precision), values in speed.items():
        mine = ("ours", precision)
        ratio = [a / b for a, b in zip(speed[mine], values)]
        print(f"| {o.family} {side} | {precision} | {statistics.median(values):.3f} | {spread(ratio, '.2f')} "
              f"| {held[side, precision]:.2f} | {held[mine] / held[side, precision]:.2f} |")
    faster = {side: [max(found) for found in zip(*(speed[side, precision] for precision in o.precisions))]
              for side in ("ours", "published", "expert")}
    for side in ("published", "expert"):
        ratio = [a / b for a, b in zip(faster["ours"], faster[side])]
        print(f"| {o.family} {side} | each its faster | {statistics.median(faster[side]):.3f} | {spread(ratio, '.2f')} | | |")


if __name__ == "__main__":
    main()
