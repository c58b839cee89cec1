#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A BLIP-base captioner of transformers on random weights and pixels, eager or compiled: ours is bench/models/caption_run.cpp.

    caption_run.py --variant compiled --precision bf16 --batch 8 --threads 2

The vision tower alone, and captions from pixels on: greedy, and by beams. Every text has exactly --tokens ids. bf16: the
whole model in it. compiled: torch.compile of the vision tower and of the decoder, which recompiles until lengths are
dynamic; the first runs, which compile, are not timed. Prints one line of JSON: median seconds, bytes of the weights,
the process's peak and what was resident right after the imports.
"""
import argparse
import json
import os
import statistics
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers

from process_memory import forget_peak, peak_bytes, resident_bytes

AFTER_IMPORT = resident_bytes()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=("eager", "compiled"), default="eager")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--beams", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


def captioner(side):
    """The published captioner's sizes. Weights as transformers draws them: their values do not change the work."""
    text = {"hidden_size": 768, "num_attention_heads": 12, "encoder_hidden_size": 768}
    config = transformers.BlipConfig(text_config=text, vision_config={"image_size": side})
    return transformers.BlipForConditionalGeneration(config).eval()


def seconds_of(repeats, warm, work):
    for _ in range(warm):
        work()
    seconds = []
    for _ in range(max(1, repeats)):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return round(statistics.median(seconds), 4)


@torch.inference_mode()
def measure(o):
    torch.manual_seed(0)
    kind = torch.bfloat16 if o.precision == "bf16" else torch.float32
    model = captioner(o.side).to(kind)
    pixels = torch.randn(o.batch, 3, o.side, o.side).to(kind)
    warm = 1
    if o.variant == "compiled":
        # Every length of a text is a shape at first; the limit must not send later ones back to eager code.
        torch._dynamo.config.recompile_limit = 64
        model.vision_model.forward = torch.compile(model.vision_model.forward)
        model.text_decoder.forward = torch.compile(model.text_decoder.forward, dynamic=True)
        warm = 2
    forget_peak()
    rules = {"min_new_tokens": o.tokens, "max_new_tokens": o.tokens, "do_sample": False}

    def describe(beams):
        ids = model.generate(pixel_values=pixels, num_beams=beams, **rules)
        assert ids.shape == (o.batch, 1 + o.tokens), ids.shape

    return {"side": o.variant, "precision": o.precision, "batch": o.batch, "threads": o.threads, "pixels": o.side,
            "tokens": o.tokens, "torch": torch.__version__, "transformers": transformers.__version__,
            "tower": seconds_of(o.repeats, warm, lambda: model.vision_model(pixel_values=pixels,
                                                                        interpolate_pos_encoding=False)),
            "greedy": seconds_of(o.repeats, warm, lambda: describe(1)),
            "beams": seconds_of(o.repeats, warm, lambda: describe(o.beams)),
            "weight_bytes": sum(p.nbytes for p in model.parameters()),
            "peak_bytes": peak_bytes(), "after_import_bytes": AFTER_IMPORT}


def main():
    o = arguments()
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(o.threads)
    torch.set_num_interop_threads(1)
    print(json.dumps(measure(o)))


if __name__ == "__main__":
    main()
