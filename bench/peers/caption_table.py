# SPDX-License-Identifier: Apache-2.0
"""Captions of BLIP-base, ours beside transformers eager and compiled, fp32 and bf16, run in turn: Markdown tables.

    caption_table.py --ours ../../build/bench/bench/caption_run --python peers/bin/python [--rounds 3] [--batches 1 8]

Every round runs each program once, so what slows the machine for a while slows them all. "ratio" is the median over the
rounds of the peer's seconds over ours in the same round (with its range). The first table compares equal precisions,
the second our faster one with the peer's faster one, the third is memory: ours holds "held" (weights as they are kept
for inference, and all pools), a process's peak is its own, of which `import torch` is the part that is named.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SIDES = ("ours", "eager", "compiled")
PRECISIONS = ("fp32", "bf16")
WORK = {"tower": "vision tower", "greedy": "greedy", "beams": "beams"}


def commands(o):
    for batch in o.batches:
        sizes = ["--batch", str(batch), "--side", str(o.side), "--tokens", str(o.tokens), "--beams", str(o.beams),
                 "--threads", str(o.threads), "--repeats", str(o.repeats)]
        for precision in o.precisions:
            for side in o.sides:
                program = [o.ours] if side == "ours" else [o.python, str(HERE / "caption_run.py"), "--variant", side]
                yield (side, precision, batch), [*program, *sizes, "--precision", precision]


def measure(command):
    found = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in found.stdout.splitlines() if line.startswith("{")]
    if found.returncode != 0 or not lines:
        sys.exit(f"failed ({found.returncode}): {' '.join(command)}\n{found.stderr[-4000:]}")
    return json.loads(lines[-1])


def spread(values):
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def ratios(peer, ours, work):
    return spread([p[work] / m[work] for p, m in zip(peer, ours)])


def milliseconds(runs, work):
    return f"{1e3 * statistics.median(r[work] for r in runs):.0f}"


def faster(runs, side, batch, work, precisions):
    """Of every round the faster precision, as runs that hold that one time."""
    return [{work: min(found)} for found in
            zip(*([r[work] for r in runs[side, precision, batch]] for precision in precisions))]


def show(o, runs):
    peers = [side for side in o.sides if side != "ours"]
    names = {**WORK, "beams": f"{o.beams} beams"}
    head = ["work", "batch", "precision", "ours ms"] + [cell for p in peers for cell in (f"{p} ms", f"{p} / ours")]
    rows, best = [], []
    for work, name in names.items():
        for batch in o.batches:
            for precision in o.precisions:
                ours = runs["ours", precision, batch]
                row = [name, str(batch), precision, milliseconds(ours, work)]
                for peer in peers:
                    theirs = runs[peer, precision, batch]
                    row += [milliseconds(theirs, work), ratios(theirs, ours, work)]
                rows.append(row)
            ours = faster(runs, "ours", batch, work, o.precisions)
            row = [name, str(batch), "each its faster", milliseconds(ours, work)]
            for peer in peers:
                theirs = faster(runs, peer, batch, work, o.precisions)
                row += [milliseconds(theirs, work), ratios(theirs, ours, work)]
            best.append(row)
    table(head, rows)
    if len(o.precisions) > 1:
        table(head, best)
    memory = []
    for (side, precision, batch), found in runs.items():
        size = {key: statistics.median(r.get(key, 0) for r in found) / 2**30
                for key in ("weight_bytes", "held_bytes", "peak_bytes", "after_import_bytes")}
        memory.append([side, precision, str(batch), f"{size['weight_bytes']:.2f}",
                       f"{size['held_bytes']:.2f}" if side == "ours" else "",
                       f"{size['peak_bytes']:.2f}", f"{size['after_import_bytes']:.2f}" if side != "ours" else ""])
    table(["program", "precision", "batch", "weights GiB", "held GiB", "peak GiB", "of it after imports GiB"], memory)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True, help="the built program caption_run")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch and transformers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="timed runs in each process")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--side", type=int, default=384, help="pixels of a picture's side")
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--beams", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--log", help="a file that keeps every line of JSON")
    o = parser.parse_args()
    if "ours" not in o.sides:
        parser.error("--sides needs ours")

    runs = {}
    for number in range(o.rounds):
        for key, command in commands(o):
            print(f"round {number + 1} of {o.rounds}:", *key, file=sys.stderr, flush=True)
            found = measure(command)
            runs.setdefault(key, []).append(found)
            if o.log:
                with open(o.log, "a", encoding="utf-8") as log:
                    log.write(json.dumps(found) + "\n")
    versions = next((f"PyTorch {r['torch']}, transformers {r['transformers']}, " for found in runs.values() for r in found
                     if "torch" in r), "")
    print(f"{versions}{o.threads} threads, {o.side} px, {o.tokens} ids, {o.rounds} rounds of {o.repeats}")
    show(o, runs)


if __name__ == "__main__":
    main()
