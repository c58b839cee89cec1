#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One training step of BLIP-base or ALBEF-base in PyTorch on the CPU: forward, backward, AdamW, momentum copy, queues.

    pretrain_step.py --family blip --variant expert --batch 8 --threads 2 --steps 5 --warmup 1 --json
    pretrain_step.py --check [--golden DIR]     both variants agree; with DIR, also with the stored reference run
    pretrain_step.py --family blip --flops      counts the products of one step (texts at their limit, unless --lengths)

Random weights, random pixels, random words; making a batch is not timed. README.md says what the variants are.
"""
import argparse
import json
import statistics
import time

import torch

from process_memory import forget_peak, peak_bytes, resident_bytes

AFTER_IMPORT = resident_bytes()

from batch import draw_batch, read_lengths
from check import build, golden, one_step, variants
from heap import keep_heap
from pretraining_model import BASE, MOMENTUM_COPY, TINY, TRAINABLE, optimiser


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=("blip", "albef"), default="blip")
    parser.add_argument("--variant", choices=("published", "expert"), default="published")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: autocast")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--lengths", help="caption lengths, used in turn (default: caption_lengths.txt)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--heap", choices=("kept", "returned"), help="default: kept for expert, returned for published")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--golden", help="folder of stored reference runs")
    parser.add_argument("--flops", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


def bytes_of(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


def state_bytes(model, optimise):
    """What any implementation of this step has to hold."""
    trainable = model.trainable()
    return {"parameters": bytes_of(trainable),
            "gradients": bytes_of(p.grad for p in trainable if p.grad is not None),
            "moments": bytes_of(t for state in optimise.state.values() for k, t in state.items() if k != "step"),
            "momentum": bytes_of(model.momentum.parameters()),
            "queues": bytes_of((model.image_queue, model.text_queue))}


def make(options):
    torch.manual_seed(options.seed)
    sizes = (TINY if options.tiny else BASE)[options.family]
    model = build(options.family, options.variant, sizes)
    trainable, copied = (sum(p.numel() for p in ps) for ps in (model.trainable(), model.momentum.parameters()))
    if not options.tiny and trainable != TRAINABLE[options.family]:
        raise SystemExit(f"{trainable} trainable parameters, the published model has {TRAINABLE[options.family]}")
    if not options.tiny and options.variant == "published" and copied != MOMENTUM_COPY[options.family]:
        raise SystemExit(f"{copied} momentum parameters, the published model has {MOMENTUM_COPY[options.family]}")
    return model, optimiser(model, fused=options.variant == "expert")


def measure(options):
    model, optimise = make(options)
    lengths = read_lengths(options.lengths)
    forget_peak()
    seconds, rows, losses = [], [], {}
    for step in range(options.warmup + options.steps):
        taken = [lengths[(step * options.batch + i) % len(lengths)] for i in range(options.batch)]
        batch = draw_batch(model.sizes, taken)
        begin = time.perf_counter()
        losses = one_step(model, options.variant, batch, optimise, autocast=options.precision == "bf16")
        spent = time.perf_counter() - begin
        if step >= options.warmup:
            seconds.append(spent)
            rows.append(sum(batch.lengths))
        if not options.json:
            print(f"{'warm-up' if step < options.warmup else 'step'} {spent:.3f} s, "
                  + ", ".join(f"{name} {loss:.4f}" for name, loss in losses.items()), flush=True)
    peak, state = peak_bytes(), state_bytes(model, optimise)
    held = peak - AFTER_IMPORT - sum(state[k] for k in ("parameters", "gradients", "moments", "momentum"))
    median = statistics.median(seconds)
    return {"peer": "pytorch", "torch": torch.__version__, "family": options.family, "variant": options.variant,
            "precision": options.precision, "batch": options.batch, "threads": options.threads, "tiny": options.tiny,
            "heap": options.heap, "seconds": [round(s, 4) for s in seconds], "seconds_per_step": round(median, 4),
            "samples_per_second": round(options.batch / median, 4),
            "text_rows_per_sample": sum(rows) / (len(rows) * options.batch),
            "peak_bytes": peak, "after_import_bytes": AFTER_IMPORT, "held_bytes": held, "state_bytes": state,
            "losses": {name: round(loss, 5) for name, loss in losses.items()}}


def count(options):
    """Products (matrix, batched, convolution, attention) of one whole step, a multiply-add as 2."""
    from torch.utils.flop_counter import FlopCounterMode

    model, optimise = make(options)
    lengths = read_lengths(options.lengths) if options.lengths else [model.sizes.text_limit]
    batch = draw_batch(model.sizes, [lengths[i % len(lengths)] for i in range(options.batch)])
    with FlopCounterMode(display=False) as counter:
        losses = one_step(model, options.variant, batch, optimise)
    by_operator = {str(op): n for op, n in counter.get_flop_counts()["Global"].items()}
    gflop = counter.get_total_flops() / options.batch / 1e9
    print(f"{options.family} {options.variant}: {gflop:.1f} GFLOP per sample, "
          f"batch {options.batch}, {sum(batch.lengths) / options.batch:.1f} rows of text")
    for name, n in sorted(by_operator.items(), key=lambda item: -item[1]):
        print(f"  {name} {n / options.batch / 1e9:.2f}")
    print(f"  losses {losses}, peak {peak_bytes() / 2**30:.2f} GiB")


def main():
    options = arguments()
    options.heap = options.heap or ("kept" if options.variant == "expert" else "returned")
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    if options.heap == "kept":
        keep_heap()
    if options.check:
        good = [variants(family) for family in ("blip", "albef")]
        if options.golden:
            good += [golden(family, options.golden) for family in ("blip", "albef")]
        raise SystemExit(0 if all(good) else 1)
    if options.flops:
        return count(options)
    found = measure(options)
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{found['seconds_per_step']} s per step, {found['samples_per_second']} samples/s, "
              f"peak {found['peak_bytes'] / 2**30:.2f} GiB, of it beyond weights, gradients, moments and momentum copy "
              f"{found['held_bytes'] / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
