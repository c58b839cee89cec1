#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The workloads of the goals for one GPU in PyTorch: eager, compiled, and as replayed CUDA graphs.

    gpu_goals.py [--save FILE] [--seconds 0.5] [--device cuda] [--tiny]

Products of bf16. ViT (G1, G2): weights of bf16, scaled_dot_product_attention. Steps (G5, G6): autocast, as published and
as the expert does it, eager; their lists of lengths are read by the host, so neither is compiled. Texts (G8) are packed as
the expert does it. What fails says so in its row. --tiny runs on a processor too, to see that everything works.
Captions (G3, G4) and re-ranking (G7) have peers of their own: caption_run.py, rerank.py.
"""
import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F

import expert
from batch import draw_batch, read_lengths
from check import build, one_step
from packed_rows import PackedRows
from pretraining_model import BASE, TINY, optimiser
from towers import Sizes, TextTower, VisionTower, initialise


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", help="file for the JSON")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    return parser.parse_args()


class Clock:
    def __init__(self, options):
        self.options, self.rows = options, []

    def wait(self):
        if self.options.device == "cuda":
            torch.cuda.synchronize()

    def sample(self, work, runs):
        """Milliseconds of one run."""
        self.wait()
        begin = time.perf_counter()
        for _ in range(runs):
            work()
        self.wait()
        return 1e3 * (time.perf_counter() - begin) / runs

    def measure(self, goal, what, mode, work):
        row = {"goal": goal, "what": what, "mode": mode, "milliseconds": None}
        try:
            self.sample(work, 3)
            runs = max(1, min(1000, int(2 / self.sample(work, 1))))
            row["runs"], end = [], time.perf_counter() + self.options.seconds
            while len(row["runs"]) < 3 or time.perf_counter() < end:
                row["runs"].append(round(self.sample(work, runs), 5))
            row["milliseconds"] = statistics.median(row["runs"])
        except Exception as e:  # a compiler or a graph that gives up is a result, too
            row["error"] = str(e).splitlines()[0] if str(e) else type(e).__name__
        self.rows.append(row)
        print(f"| {goal} | {what} | {mode} | {row.get('error') or format(row['milliseconds'], '.4g')} |", flush=True)

    def every_mode(self, goal, what, work):
        """work: without arguments, on tensors that stay where they are."""
        self.measure(goal, what, "eager", work)
        compiled = torch.compile(work)
        self.measure(goal, what, "compiled", compiled)
        if self.options.device == "cuda":
            self.measure(goal, what, "graph", Graph(work))
            self.measure(goal, what, "compiled graph", Graph(compiled))


class Graph:
    """What `work` launches, captured at the first call and replayed."""

    def __init__(self, work):
        self.work, self.graph = work, None

    def __call__(self):
        if self.graph is None:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.work()
            torch.cuda.current_stream().wait_stream(side)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.work()
        self.graph.replay()


def towers(clock, sizes, tiny):
    """G1, G2, G8: forward passes without gradients."""
    vision = VisionTower(sizes)
    initialise(vision)
    vision.bfloat16()
    for goal, batch in (("G1", 3 if tiny else 64), ("G2", 1)):
        pixels = torch.rand(batch, 3, sizes.image, sizes.image, dtype=torch.bfloat16)
        clock.every_mode(goal, f"ViT {sizes.image} px forward, batch {batch}",
                         torch.no_grad()(lambda: expert.vision(vision, pixels)))
    texts = TextTower(sizes)
    initialise(texts)
    texts.bfloat16()
    count = 5 if tiny else 1024
    lengths = [read_lengths()[i % 64] for i in range(count)]
    batch = draw_batch(sizes, lengths)
    packed, ids = PackedRows(batch.lengths), batch.ids[batch.attended]
    clock.every_mode("G8", f"states of {count} packed texts",
                     torch.no_grad()(lambda: expert.text(texts, ids, packed, 0.0)))


def steps(clock, family, goal, batch, lengths, tiny):
    for variant in ("published", "expert"):
        sizes = (TINY if tiny else BASE)[family]
        model = build(family, variant, sizes)
        optimise = optimiser(model, fused=variant == "expert")
        read = draw_batch(sizes, [lengths[i % len(lengths)] for i in range(batch)])
        what = f"{family} step {sizes.image} px, batch {batch}, texts of {sum(read.lengths) / batch:.1f}"
        clock.measure(goal, what, variant, lambda: one_step(model, variant, read, optimise, autocast=True))
        if goal == "G5" and clock.options.device == "cuda":
            clock.rows.append({"goal": "G13", "what": what, "mode": variant,
                               "bytes_held": torch.cuda.max_memory_allocated()})
        if goal == "G5" and variant == "expert":
            def update():
                optimise.step()
                expert.update_momentum(model)
            clock.measure("G10", "fused AdamW, average as one list operation", "eager", update)
            features = [F.normalize(torch.rand(batch, sizes.embed), dim=-1).requires_grad_() for _ in range(4)]
            clock.measure("G11", f"contrast forward and backward, batch {batch}, queue {sizes.queue}", "eager",
                          lambda: expert.contrast(model, *features, 0.4)[0].backward())
        del model, optimise, read
        if clock.options.device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def rows(clock, sizes, tiny):
    """G9, G12: one operation."""
    batch = 3 if tiny else 64
    n, width, heads = batch * sizes.tokens, sizes.vision_width, sizes.vision_heads
    x = torch.rand(n, width, requires_grad=True)
    gain, shift = torch.ones(width, requires_grad=True), torch.zeros(width, requires_grad=True)
    dy = torch.rand(n, width)
    clock.every_mode("G9", f"layer norm forward, {n} x {width}",
                     torch.no_grad()(lambda: F.layer_norm(x, (width,), gain, shift, 1e-6)))
    y = F.layer_norm(x, (width,), gain, shift, 1e-6)
    clock.measure("G9", f"layer norm backward, {n} x {width}", "eager",
                  lambda: torch.autograd.grad(y, (x, gain, shift), dy, retain_graph=True))
    q, k, v = torch.rand(3, batch, heads, sizes.tokens, width // heads, dtype=torch.bfloat16)
    clock.every_mode("G12", f"self-attention, {sizes.tokens} tokens, batch {batch}, {heads} heads",
                     lambda: F.scaled_dot_product_attention(q, k, v))


def main():
    options = arguments()
    torch.manual_seed(0)
    torch.set_default_device(options.device)
    clock = Clock(options)
    tiny = options.tiny
    sizes = TINY["blip"] if tiny else Sizes(image=384)
    print("| goal | workload | mode | ms |\n|---|---|---|---|")
    rows(clock, sizes, tiny)
    lengths = [min(n, 25) for n in read_lengths()] if tiny else read_lengths()
    steps(clock, "blip", "G5", 4 if tiny else 128, lengths, tiny)
    steps(clock, "albef", "G6", 4 if tiny else 64, lengths, tiny)
    towers(clock, sizes, tiny)
    found = {"torch": torch.__version__, "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
             "workloads": clock.rows}
    if options.save:
        with open(options.save, "w") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
