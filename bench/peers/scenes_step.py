#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One training step of the small model that learns generated scenes, in PyTorch on the CPU.

    scenes_step.py --threads 1 --variant expert --json
    scenes_step.py --check          both variants agree
    scenes_step.py --flops

32x32 pictures, patch 8, both towers 64 wide and 2 deep with 4 heads (0.30 M parameters), encoder and decoder share all
but self-attention. ITC inside the batch (equal texts share the target), ITM with one hard text and one hard image each,
LM with smoothing 0.1; AdamW (0.9, 0.98), weight decay 0.05 on matrices, clipping at norm 1, warm-up and cosine; no
queue, no momentum copy, no dropout. Random pixels and words; making a batch is not timed.
"""
import argparse
import json
import math
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

from process_memory import forget_peak, peak_bytes, resident_bytes

AFTER_IMPORT = resident_bytes()

import expert
import published
from batch import draw_batch
from heap import keep_heap
from packed_rows import PackedRows
from pretraining_model import tie
from towers import Sizes, TextTower, TokenHead, VisionTower, initialise

SIZES = Sizes(image=32, patch=8, vision_width=64, vision_heads=4, vision_depth=2, vision_hidden=256, text_width=64,
              text_heads=4, text_layers=2, text_hidden=256, vocabulary=83, words=81, positions=24, embed=64,
              text_limit=16, pad_to_limit=False, cls=1, sep=2, mask=3, dec=81, enc=82)
# Rows of 32 captions with [CLS] and [SEP], mean 10.
LENGTHS = (9, 12, 7, 10, 14, 6, 11, 9, 13, 8, 10, 5, 12, 10, 9, 14,
           7, 11, 10, 13, 8, 12, 6, 10, 14, 9, 11, 7, 13, 10, 12, 8)


class ScenesModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.vision, self.vision_proj = VisionTower(SIZES), nn.Linear(SIZES.vision_width, SIZES.embed)
        self.text, self.text_proj = TextTower(SIZES), nn.Linear(SIZES.text_width, SIZES.embed)
        self.decoder, self.head = TextTower(SIZES), TokenHead(SIZES)
        self.itm_head = nn.Linear(SIZES.text_width, 2)
        self.temperature = nn.Parameter(torch.tensor(0.07))
        tie(self.text, self.decoder)


def contrast(model, image, words, ids):
    """Loss, similarities [B, B], which pairs share a text."""
    same = (ids[:, None] == ids[None, :]).all(-1)
    targets = same / same.sum(1, keepdim=True)
    scores = image @ words.t() / model.temperature
    return (F.cross_entropy(scores, targets) + F.cross_entropy(scores.t(), targets)) / 2, scores.detach(), same


def draw_negatives(scores, same):
    """(image for text b, text for image b); 1e-4 keeps a saturated row alive."""
    weights = ((s.softmax(1) + 1e-4).masked_fill(same, 0) for s in (scores.t(), scores))
    return tuple(torch.multinomial(w, 1).squeeze(1) for w in weights)


def padded(model, batch):
    states = published.vision(model.vision, batch.images)
    image = published.feature(model.vision_proj, states)
    words = published.feature(model.text_proj, published.text(model.text, batch.ids, batch.attended, 0.0))
    itc, scores, same = contrast(model, image, words, batch.ids)

    ids = batch.ids.clone()
    ids[:, 0] = SIZES.enc
    positive = published.text(model.text, ids, batch.attended, 0.0, states)
    negatives = batch.negatives or draw_negatives(scores, same)
    texts, attended, images = published.repeat_for_negatives(batch, ids, states, negatives)
    itm = published.matching(model, positive, published.text(model.text, texts, attended, 0.0, images))

    ids = batch.ids.clone()
    ids[:, 0] = SIZES.dec
    told = published.text(model.decoder, ids, batch.attended, 0.0, states, causal=True)
    logits = published.logits(model.head, model.decoder, told)[:, :-1].flatten(0, 1)
    labels = batch.ids.masked_fill(~batch.attended, -100)[:, 1:].flatten()
    return itc, itm, F.cross_entropy(logits, labels, label_smoothing=0.1, ignore_index=-100)


def packed(model, batch):
    rows, ids = PackedRows(batch.lengths), batch.ids[batch.attended]
    states = expert.vision(model.vision, batch.images)
    image = expert.feature(model.vision_proj, states[:, 0])
    words = expert.feature(model.text_proj, expert.text(model.text, ids, rows, 0.0, wanted=rows.firsts()))
    itc, scores, same = contrast(model, image, words, batch.ids)

    projected = expert.project(model.decoder, states)
    taken, pairs, images = expert.matching_pairs(rows, batch.negatives or draw_negatives(scores, same))
    fused = expert.text(model.text, ids.index_fill(0, rows.begin, SIZES.enc)[taken], pairs, 0.0,
                        expert.of_images(projected, images), wanted=pairs.firsts())
    itm = expert.matching(model, fused)

    told = expert.text(model.decoder, ids.index_fill(0, rows.begin, SIZES.dec), rows, 0.0, projected, causal=True)
    before = rows.with_successor()
    logits = expert.logits(model.head, model.decoder, told.index_select(0, before))
    return itc, itm, F.cross_entropy(logits, ids[before + 1], label_smoothing=0.1)


VARIANTS = {"published": padded, "expert": packed}


def learning_rate(step, steps, peak=2e-3):
    """Warm-up over 5 %, then a cosine to 5 %."""
    warm = max(1, steps // 20)
    if step < warm:
        return peak * (step + 1) / warm
    return peak * (0.05 + 0.95 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm))) / 2)


def one_step(model, variant, batch, optimise, rate):
    for group in optimise.param_groups:
        group["lr"] = rate
    optimise.zero_grad(set_to_none=True)
    losses = VARIANTS[variant](model, batch)
    sum(losses).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=variant == "expert")
    optimise.step()
    return dict(zip(("itc", "itm", "lm"), (loss.item() for loss in losses)))


def make(variant):
    torch.manual_seed(0)
    model = ScenesModel()
    initialise(model, std=None)
    groups = [{"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": 0.05},
              {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0}]
    fused = variant == "expert"
    return model, torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=fused, foreach=False)


def batches(size):
    while True:
        yield draw_batch(SIZES, [LENGTHS[i % len(LENGTHS)] for i in range(size)])


def check():
    """Three steps of both variants with the same negatives."""
    seen = []
    for variant in VARIANTS:
        model, optimise = make(variant)
        torch.manual_seed(3)
        for step, batch in zip(range(3), batches(8)):
            batch.negatives = ([1, 2, 3, 4, 5, 6, 7, 0], [3, 3, 4, 5, 6, 7, 0, 1])
            losses = one_step(model, variant, batch, optimise, 1e-3)
            seen.append(list(losses.values()) + [p.grad.norm().item() for p in model.parameters()])
    pairs = [(a, b) for x, y in zip(seen[:3], seen[3:]) for a, b in zip(x, y)]
    worst = max(abs(a - b) / max(abs(a), 1e-2) for a, b in pairs)
    print(f"scenes: expert against published, 3 steps: losses and gradient norms within {worst:.1e}; "
          + ", ".join(f"{loss:.4f}" for loss in seen[0][:3]))
    return worst < 1e-4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=VARIANTS, default="published")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--flops", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    if options.variant == "expert":
        keep_heap()
    if options.check:
        raise SystemExit(0 if check() else 1)
    model, optimise = make(options.variant)
    drawn = batches(options.batch)
    if options.flops:
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            one_step(model, options.variant, next(drawn), optimise, 1e-3)
        mflop = counter.get_total_flops() / options.batch / 1e6
        return print(f"scenes {options.variant}: {mflop:.1f} MFLOP per sample, "
                     f"{sum(p.numel() for p in model.parameters())} parameters")
    forget_peak()
    seconds, total = [], options.warmup + options.steps
    for step in range(total):
        batch = next(drawn)
        begin = time.perf_counter()
        losses = one_step(model, options.variant, batch, optimise, learning_rate(step, total))
        seconds.append(time.perf_counter() - begin)
    median = statistics.median(seconds[options.warmup :])
    found = {"peer": "pytorch", "torch": torch.__version__, "model": "scenes", "variant": options.variant,
             "batch": options.batch, "threads": options.threads, "steps": options.steps,
             "seconds_per_step": round(median, 6), "samples_per_second": round(options.batch / median, 2),
             "peak_bytes": peak_bytes(), "after_import_bytes": AFTER_IMPORT,
             "losses": {name: round(loss, 5) for name, loss in losses.items()}}
    print(json.dumps(found) if options.json else f"{found['seconds_per_step'] * 1e3:.2f} ms per step, "
          f"{found['samples_per_second']} samples/s, " + ", ".join(f"{k} {v:.4f}" for k, v in losses.items()))


if __name__ == "__main__":
    main()
