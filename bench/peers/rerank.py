#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Retrieval with re-ranking in PyTorch on the CPU, as the published evaluation does it, query by query.

    rerank.py --family blip --pictures 8 --texts 5 --shortlist 8 --threads 2 --json
    rerank.py --family albef --tiny

For each picture the k most similar texts: its states repeated k times, the texts padded. For each text the k most
similar pictures: their states gathered, the text repeated. BLIP reads ids again in every pair, ALBEF goes on from the
states of the text. Random weights, pixels and words; ours is bench/models/rerank.cpp. --texts is for each picture.
"""
import argparse
import json
import statistics
import time
from dataclasses import replace

import torch

from process_memory import forget_peak, peak_bytes, resident_bytes

AFTER_IMPORT = resident_bytes()

import published
from batch import draw_batch, read_lengths
from pretraining_model import BASE, TINY
from towers import TextTower, VisionTower, initialise


class MatchingModel(torch.nn.Module):
    """Towers, projections and the head that judges pairs: no momentum copy, no queue."""

    def __init__(self, sizes):
        super().__init__()
        self.vision, self.text = VisionTower(sizes), TextTower(sizes)
        self.vision_proj = torch.nn.Linear(sizes.vision_width, sizes.embed)
        self.text_proj = torch.nn.Linear(sizes.text_width, sizes.embed)
        self.itm_head = torch.nn.Linear(sizes.text_width, 2)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=("blip", "albef"), default="blip")
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--texts", type=int, default=5)
    parser.add_argument("--shortlist", type=int, default=8)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: autocast")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--lengths", help="caption lengths, used in turn (default: caption_lengths.txt)")
    parser.add_argument("--tiny", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


def see(model, images, batch=16):
    """States of all pictures, and their features."""
    states = torch.cat([published.vision(model.vision, some) for some in images.split(batch)])
    return states, published.feature(model.vision_proj, states)


def hear(model, texts, batch=256):
    """States of all texts alone (ALBEF: of the layers before fusion), and their features."""
    layers = slice(model.text_layers)
    states = torch.cat([published.text(model.text, ids, mask, 0.0, layers=layers)
                        for ids, mask in zip(texts.ids.split(batch), texts.attended.split(batch))])
    return states, published.feature(model.text_proj, states)


def judge(model, family, ids, states, attended, images):
    """The logit of a match of rows that are pairs already."""
    if family == "albef":
        read = published.text(model.text, states, attended, 0.0, images, layers=slice(model.text_layers, None))
    else:
        read = published.text(model.text, ids, attended, 0.0, images)
    return model.itm_head(read[:, 0])[:, 1].float()


def rerank(model, family, texts, told, states, similarity, k):
    """Scores of both directions, -100 where nothing was read."""
    similarity = similarity.float()  # as the logits are
    own = family == "blip"  # BLIP adds the cosine
    ids = texts.ids.clone()
    if own:
        ids[:, 0] = model.enc
    attended = texts.attended
    of_pictures = torch.full_like(similarity, -100.0)
    for i, row in enumerate(similarity):
        best, at = row.topk(min(k, len(row)))
        images = states[i].repeat(len(at), 1, 1)
        logit = judge(model, family, ids[at], told[at], attended[at], images)
        of_pictures[i, at] = logit + best if own else logit
    of_texts = torch.full_like(similarity.t(), -100.0)
    for j, row in enumerate(similarity.t()):
        best, at = row.topk(min(k, len(row)))
        n = len(at)
        logit = judge(model, family, ids[j].repeat(n, 1), told[j].repeat(n, 1, 1), attended[j].repeat(n, 1), states[at])
        of_texts[j, at] = logit + best if own else logit
    return of_pictures, of_texts


def timed(work):
    begin = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begin


@torch.no_grad()
def measure(options):
    torch.manual_seed(0)
    sizes = (TINY if options.tiny else BASE)[options.family]
    if not options.tiny:
        sizes = replace(sizes, image=options.side, text_limit=35)
    model = MatchingModel(sizes).eval()
    initialise(model, std=None)
    model.text_layers = sizes.cross_from if options.family == "albef" else sizes.text_layers
    model.enc = sizes.enc
    lengths = read_lengths(options.lengths)
    count = options.pictures * options.texts
    texts = draw_batch(sizes, [lengths[i % len(lengths)] for i in range(count)])
    images = torch.randn(options.pictures, 3, sizes.image, sizes.image)
    forget_peak()
    (states, image), seeing = timed(lambda: see(model, images))
    (told, words), hearing = timed(lambda: hear(model, texts))
    similarity = image.float() @ words.float().t()
    rounds = [timed(lambda: rerank(model, options.family, texts, told, states, similarity, options.shortlist))[1]
              for _ in range(options.rounds)]
    reading = statistics.median(rounds)
    scores = options.pictures * min(options.shortlist, count) + count * min(options.shortlist, options.pictures)
    return {"peer": "pytorch", "torch": torch.__version__, "family": options.family, "precision": options.precision,
            "threads": options.threads, "tiny": options.tiny, "pictures": options.pictures, "texts": count,
            "shortlist": options.shortlist, "samples_per_second": round(scores / reading, 3), "pairs_read": scores,
            "seconds_pictures": round(seeing, 3), "seconds_texts": round(hearing, 3), "seconds_reading": round(reading, 3),
            "peak_bytes": peak_bytes(), "after_import_bytes": AFTER_IMPORT}


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.set_num_interop_threads(1)
    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
        found = measure(options)
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{found['samples_per_second']} scores/s, {found['pairs_read']} pairs in {found['seconds_reading']} s")


if __name__ == "__main__":
    main()
