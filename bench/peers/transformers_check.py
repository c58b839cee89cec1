#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captioners between the tool and transformers, both ways: the same ids, and logits. Exit status 1 when anything differs.

    transformers_check.py --build ../../build/release [--sizes scenes base] [--keep DIR]

A build that serves: `cmake --preset release -DBLIP_TESTS=OFF && cmake --build build/release --target blip_tool
caption_logits`.
For the small size of scenes and for BLIP-base at 384 pixels (random weights, drawn here):

  written    transformers writes a folder (save_pretrained; the base size in shards), the tool reads it
  converted  `blip convert` to the official names and from there to transformers' ones; transformers reads the result
             strictly, with the same bits in every tensor, and so does the tool
  .pth       torch.save of {"model": the official names}, as the published files are; the tool reads it with --preset
             and --vocab
  trained    (scenes) the tool pre-trains and fine-tunes a captioner; transformers reads its model/

Of each: ids of every picture, greedy and by three beams, and the logits of one forward pass over the greedy text of
each picture. Pictures are files, PNG and JPEG of several shapes; transformers reads them with Pillow.

Weights as transformers draws them give one text for every picture, and deep decoders with wide ones say one word again
and again. So weights are drawn by 1 / sqrt(fan in), those of the decoder's queries and keys twice as wide, those that
leave its attention and its feed-forward a quarter and half as wide. The table says how different the texts are.
"""
import argparse
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy
import PIL
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

NEW_TOKENS = 20
LOGITS = 1e-4  # largest difference of a logit, as a share of the largest logit
WORDS = {"scenes": 120, "base": 30522}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, help="a build folder with the tool and caption_logits")
    parser.add_argument("--sizes", nargs="+", choices=("scenes", "base"), default=["scenes", "base"])
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", help="a folder that keeps all files (default: a temporary one)")
    return parser.parse_args()


def run(*command):
    found = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if found.returncode != 0:
        sys.exit(f"failed ({found.returncode}): {' '.join(map(str, command))}\n{found.stderr}")
    return found.stdout


def draw_pictures(folder, count, seed):
    """Smooth colours with sharp shapes in them, of shapes that are resized in each direction up and down."""
    random = numpy.random.default_rng(seed)
    files = []
    for i in range(count):
        width, height = [(640, 427), (251, 397), (384, 384), (97, 53)][i % 4]
        coarse = random.integers(0, 256, (5, 7, 3), dtype=numpy.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        for _ in range(6):
            box = [int(random.integers(0, width // 2)), int(random.integers(0, height // 2))]
            size = (int(random.integers(8, width // 2)), int(random.integers(8, height // 2)))
            picture.paste(tuple(int(c) for c in random.integers(0, 256, 3)), (*box, box[0] + size[0], box[1] + size[1]))
        files.append(folder / f"{i}.{'jpg' if i % 2 else 'png'}")
        picture.save(files[-1])
    return files


def vocabulary(size):
    """Words that do not matter, special tokens where BERT has them (scenes: in front)."""
    special = {"base": {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"},
               "scenes": dict(enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")))}[size]
    return special, [special.get(i, f"w{i}") for i in range(WORDS[size])]


def new_captioner(size, seed):
    special, words = vocabulary(size)
    ids = {word: i for i, word in special.items()}
    text = {"vocab_size": len(words) + 2, "bos_token_id": len(words), "sep_token_id": ids["[SEP]"], "pad_token_id": 0}
    if size == "base":
        text |= {"num_attention_heads": 12, "hidden_size": 768, "encoder_hidden_size": 768}
        vision = {"image_size": 384}
    else:
        text |= {"num_attention_heads": 4, "hidden_size": 64, "encoder_hidden_size": 64, "intermediate_size": 256,
                 "num_hidden_layers": 2, "max_position_embeddings": 32}
        vision = {"image_size": 32, "patch_size": 8, "hidden_size": 64, "num_attention_heads": 4,
                  "intermediate_size": 256, "num_hidden_layers": 2}
    model = transformers.BlipForConditionalGeneration(transformers.BlipConfig(text_config=text, vision_config=vision))
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "embeddings" in name and "patch" not in name and "LayerNorm" not in name:
                p.normal_(0, 0.1)
            elif p.dim() > 1:
                p.normal_(0, 1 / math.sqrt(p[0].numel()))
            else:
                p.add_(0.1 * torch.randn_like(p))
            if any(f"attention.self.{which}.weight" in name for which in ("query", "key")):
                p.mul_(2)
            if "attention.output.dense.weight" in name:
                p.mul_(0.25)
            elif "text_decoder" in name and "output.dense.weight" in name:
                p.mul_(0.5)
    return model.eval(), words


def write_folder(folder, size, model, words):
    model.save_pretrained(folder, max_shard_size="300MB" if size == "base" else "5GB")
    side = model.config.vision_config.image_size
    transformers.BlipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")


class Report:
    def __init__(self):
        self.rows, self.failed = [], []

    def demand(self, good, what):
        if not good:
            self.failed.append(what)

    def print(self):
        print("| size | folder | pictures | ids equal, greedy and 3 beams | different texts | different ids in them "
              "| logits: largest difference / largest | pixels |\n|---|---|---|---|---|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")
        for what in self.failed:
            print(f"FAILED: {what}")


@torch.inference_mode()
def say(model, pixels, beams):
    """Ids that transformers generates for each picture by itself, start id excluded."""
    found = [model.generate(pixel_values=p, num_beams=beams, max_new_tokens=NEW_TOKENS, do_sample=False) for p in pixels]
    return [ids[0, 1:].tolist() for ids in found]


def tool_says(o, folder, files, beams, *more):
    sampler = ["--sampler", "greedy"] if beams == 1 else ["--sampler", "beam", "--beams", beams]
    out = run(o.tool, "caption", "--model", folder, "--image", *files, *sampler, "--max-tokens", NEW_TOKENS, "--json",
              "--quiet", "--threads", o.threads, "--precision", "fp32", *more)
    return [json.loads(line)["tokens"] for line in out.splitlines()]


def pixels_of(folder, files):
    see = transformers.BlipImageProcessorPil.from_pretrained(folder)
    return [see(images=Image.open(f).convert("RGB"), return_tensors="pt")["pixel_values"] for f in files]


@torch.inference_mode()
def compare(o, report, size, name, folder, model, files):
    """transformers' model with its own reading of the folder's pixels, the tool with the folder."""
    pixels = pixels_of(folder, files)
    equal, texts = [], []
    for beams in (1, 3):
        theirs, ours = say(model, pixels, beams), tool_says(o, folder, files, beams)
        texts.append(theirs)
        equal.append(sum(a == b for a, b in zip(theirs, ours)))
        for file, a, b in zip(files, theirs, ours):
            report.demand(a == b, f"{size}, {name}: {file.name}, {beams} beams: {a} and {b}")
    start = model.config.text_config.bos_token_id
    worst_logits = worst_pixels = 0
    for file, p, text in zip(files, pixels, texts[0]):
        ids, out = [start, *text], o.work / "logits.safetensors"
        run(o.logits, folder, file, out, *ids)
        ours = load_file(out)
        theirs = model(pixel_values=p, input_ids=torch.tensor([ids])).logits[0]
        worst_logits = max(worst_logits, ((theirs - ours["logits"]).abs().max() / theirs.abs().max()).item())
        worst_pixels = max(worst_pixels, (p.flatten() - ours["pixel_values"]).abs().max().item())
    report.demand(worst_logits <= LOGITS, f"{size}, {name}: logits differ by {worst_logits:.1e}")
    report.demand(worst_pixels <= 1e-6, f"{size}, {name}: pixels differ by {worst_pixels:.1e}")
    different = len({tuple(ids) for ids in texts[0]})
    report.rows.append([size, name, str(len(files)), f"{equal[0]} and {equal[1]}", str(different),
                        str(len({i for ids in texts[0] for i in ids})), f"{worst_logits:.1e}", f"{worst_pixels:.1e}"])
    return texts


def compare_ids(o, report, size, name, path, texts, files, *options):
    """The tool on a file alone: ids as transformers had them from the same weights."""
    ours = [tool_says(o, path, files, beams, *options) for beams in (1, 3)]
    equal = [sum(a == b for a, b in zip(*pair)) for pair in zip(texts, ours)]
    report.demand(ours == texts, f"{size}, {name}: other ids")
    report.rows.append([size, name, str(len(files)), f"{equal[0]} and {equal[1]}",
                        str(len({tuple(ids) for ids in texts[0]})), str(len({i for ids in texts[0] for i in ids})), "-", "-"])


def from_folder(report, folder, what):
    model, told = transformers.BlipForConditionalGeneration.from_pretrained(
        folder, output_loading_info=True, dtype=torch.float32)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        report.demand(not told[key], f"{what}: {key} {sorted(told[key])[:5]}")
    return model.eval()


def convert(o, source, target, layout):
    run(o.tool, "convert", "--from", source, "--to", target, "--layout", layout)


def check_size(o, report, size, files):
    model, words = new_captioner(size, o.seed)
    written = o.work / size / "written"
    written.mkdir(parents=True)
    write_folder(written, size, model, words)
    texts = compare(o, report, size, "written", written, model, files)
    report.demand(len({tuple(ids) for ids in texts[0]}) > 1, f"{size}: one text for every picture shows nothing")

    official, converted = o.work / size / "official.safetensors", o.work / size / "converted"
    convert(o, written, official, "official")
    shutil.copytree(written, converted, ignore=shutil.ignore_patterns("model*"))
    convert(o, official, converted / "model.safetensors", "transformers")
    again = from_folder(report, converted, f"{size}, converted")
    for name, tensor in model.state_dict().items():
        report.demand(torch.equal(tensor, again.state_dict()[name]), f"{size}, converted: other bits in {name}")
    compare(o, report, size, "converted", converted, again, files)

    saved = o.work / size / "official.pth"
    torch.save({"model": load_file(official), "epoch": 9}, saved)
    compare_ids(o, report, size, ".pth", saved, texts, files, "--preset", "scenes" if size == "scenes" else "blip-base",
                "--vocab", written / "vocab.txt", "--profile", "transformers")


def check_trained(o, report, files):
    job = ["--data", "scenes:nano", "--batch", 16, "--threads", o.threads, "--seed", o.seed, "--quiet"]
    run(o.tool, "pretrain", *job, "--steps", 20, "--out", o.work / "pretrained")
    run(o.tool, "finetune", "--task", "caption", "--model", o.work / "pretrained", *job, "--steps", 200,
        "--out", o.work / "trained")
    folder = o.work / "trained" / "model"
    compare(o, report, "scenes", "trained", folder, from_folder(report, folder, "scenes, trained"), files)


def main():
    o = arguments()
    build = pathlib.Path(o.build)
    o.tool, o.logits = build / "examples" / "blip", build / "bench" / "caption_logits"
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(o.threads)
    report = Report()
    with tempfile.TemporaryDirectory() as scratch:
        o.work = pathlib.Path(o.keep or scratch).resolve()
        o.work.mkdir(parents=True, exist_ok=True)
        files = draw_pictures(o.work, o.pictures, o.seed)
        for size in o.sizes:
            check_size(o, report, size, files)
        if "scenes" in o.sizes:
            check_trained(o, report, files)
    print(f"transformers {transformers.__version__}, PyTorch {torch.__version__}, Pillow {PIL.__version__}, "
          f"{NEW_TOKENS} new ids, seed {o.seed}")
    report.print()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
