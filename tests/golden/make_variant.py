#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden cases of other sizes, from an implementation that shares nothing with the library (numpy, float64, autograd).

    pip install numpy scipy autograd
    make_variant.py --check CASES          recomputes the stored cases (made by the published PyTorch code) and compares
    make_variant.py CASES OUT              writes cases of the same form and other sizes to OUT
Then: cmake --preset dev -DBLIP_GOLDEN_DIR=OUT && cmake --build --preset dev && ctest --test-dir build/dev -R golden
"""
import json, os, re, sys, time
import numpy

from variant import albef_cases, blip_cases, inference, inputs, towers
from variant.files import load, stored, write
from variant.sizes import change_sizes, configuration, names_of, read_sizes, shape_of
from variant.training import ties

CASES = {**towers.CASES, **blip_cases.CASES, **albef_cases.CASES, **inference.CASES}

# New sizes, as many of them different numbers as a case allows.
MED = {"hidden": 42, "heads": 6, "inner": 70, "vocab": 90, "context": 26, "positions": 13, "layers": 3, "batch": 5, "length": 11}
BLIP = {"image": 21, "patch": 7, "width": 22, "vision_heads": 2, "mlp": 50, "depth": 3, "hidden": 36, "heads": 6, "inner": 58, "vocab": 97,
        "positions": 13, "layers": 4, "length": 11, "batch": 5}
ALBEF = {"image": 30, "patch": 6, "width": 28, "vision_heads": 7, "mlp_ratio": 3, "depth": 1, "hidden": 33, "heads": 3, "inner": 41,
         "vocab": 67, "positions": 14, "layers": 6, "cross_from": 4, "length": 10, "batch": 5}
FEATURES = {"embed": 14, "queue": 15, "pointer": 10}
PAIRS = {**ALBEF, "layers": 5, "cross_from": 1}
SIZES = {
    "blip/vit": {"image": 25, "patch": 5, "width": 54, "vision_heads": 3, "mlp": 100, "depth": 4, "batch": 7},
    "blip/med-text": MED, "blip/med-multimodal": {**MED, "encoder_length": 14}, "blip/med-decoder": {**MED, "encoder_length": 8},
    "albef/text_encoder": {"hidden": 28, "heads": 2, "inner": 34, "vocab": 45, "positions": 12, "width": 22, "layers": 5, "cross_from": 3,
                           "batch": 6, "length": 10, "image_length": 8},
    "blip/pretrain": {**BLIP, **FEATURES}, "blip/caption-train": {**BLIP, "prompt": 3},
    "blip/vqa-train": {**BLIP, "question_length": 9, "answer_length": 7}, "blip/retrieval": {**BLIP, **FEATURES, "pointer": 5},
    "blip/nlvr": {**BLIP, "layers": 7}, "blip/itm-head": {**BLIP, "embed": 14},
    "albef/pretrain": {**ALBEF, **FEATURES}, "albef/pretrain_alpha0": {**ALBEF, **FEATURES, "pointer": 5},
    # A ring that no number of batches fills exactly, and a batch across its end: more than the published code allows.
    "albef/retrieval": {**ALBEF, **FEATURES, "queue": 17, "pointer": 14},
    "albef/ve": {**ALBEF, "classes": 4}, "albef/nlvr": PAIRS,
    "albef/pretrain_nlvr": {**PAIRS, "embed": 14}, "albef/vqa": {**ALBEF, "decoder_layers": 3, "answer_length": 7, "shortlist": 3},
    "blip/caption-generate": {**BLIP, "positions": 19, "prompt": 3, "batch": 3}, "blip/vqa-generate": {**BLIP, "question_length": 9},
    "blip/vqa-rank": {**BLIP, "question_length": 9, "answer_length": 7, "answers": 13, "shortlist": 5},
    # The first of the pictures and boxes; the watched layer is the first that reads pictures.
    "albef/grounding": {**ALBEF, **FEATURES, "depth": 3, "cross_from": 3, "batch": 3}}
STALE = ("tensors", "files", "float32_deviation", "single_precision_reference", "fixed_choices", "gradient_and_after_tensors",
         "decision_margins")


def cases(root):
    """Name, way to compute and files of each case that is in the folder."""
    for name, run in CASES.items():
        if os.path.exists("%s/%s/case.json" % (root, name)):
            yield name, run, *load(root + "/" + name)
        else:
            print("skipped: no", name, "in", root)


def difference(got, want):
    return numpy.max(numpy.abs(got - want), initial=0) / max(1e-2, numpy.max(numpy.abs(want), initial=0))


def by_number(v):
    order = numpy.argsort(v["topk_answer_index"], 1)
    return {**v, **{k: numpy.take_along_axis(v[k], order, 1) for k in ("topk_answer_index", "topk_log_prob_sum")}}


def check(root):
    for name, run, meta, (w, x, want) in cases(root):
        s, start = read_sizes(meta, w), time.time()
        first = ties(w, s)
        for k, v in w.items():
            assert shape_of(k, s) == v.shape, (name, k)
        groups = meta.get("tied_groups", meta.get("state_keys", {}).get("shared_storage", []))
        assert first == {k: group[0] for group in groups for k in group[1:]}, name
        said = json.dumps(meta.get("grounding_evaluation"))
        got, worst, where = run(meta, s, w, x, first), 0.0, ""
        assert json.dumps(meta.get("grounding_evaluation")) == said, name
        if "topk_answer_index" in want:  # equally likely candidates are in any order
            got, want = by_number(got), by_number(want)
        for k, v in want.items():
            a, b = numpy.asarray(got[k], float), v.astype(float)
            assert a.shape == b.shape, (name, k)
            slope = got.get(k.replace("after.", "grad."))
            if "after." in k and slope is not None:  # the optimiser divides gradients that are rounding noise by themselves
                a = numpy.where((numpy.abs(slope) >= 1e-6) | (slope == 0), a, b)
            off = difference(a, b)
            assert off < 2e-7, (name, k, off)
            worst, where = max((worst, where), (off, k))
        print("%-22s %4d tensors, worst difference %.1e (%s), %.1f s" % (name, len(want), worst, where, time.time() - start))


def kind(name):
    """A tensor's name without the numbers of layers."""
    return re.sub(r"\.\d+", ".#", name)


def restate(meta, first, weights):
    """What case.json says of the stored case alone goes; what this one is comes in."""
    for k in STALE:
        meta.pop(k, None)
    meta["source" if "source" in meta else "provenance"] = "computed by make_variant.py in double precision, stored as float32"
    groups = {}
    for k, of in sorted(first.items()):
        groups.setdefault(of, [of]).append(k)
    if "tied_groups" in meta:
        meta["tied_groups"] = list(groups.values())
    else:
        meta["state_keys"]["shared_storage"] = list(groups.values())
    meta.get("tolerance", {}).get("zero_gradients", {}).pop("parameters", None)
    for k in ("decay", "no_decay"):
        meta.get("optimizer", {}).pop(k, None)
    if "idx_queue_start" in configuration(meta):
        configuration(meta)["idx_queue_start"] = weights["idx_queue"][0].tolist()


def make(root, out):
    for name, run, meta, (w, _, want) in cases(root):
        rng = numpy.random.default_rng(list(name.encode()))
        old = read_sizes(meta, w)
        new = change_sizes(meta, SIZES[name])
        s = {**read_sizes(meta, w), **new}
        names = names_of(w, old, s)
        first = ties(names, s)
        # What is stored is float32: compute from what a reader will see.
        weights = {k: stored(v) for k, v in inputs.weights(names, s, first, rng).items()}
        restate(meta, first, weights)
        while True:
            x = {k: stored(v) for k, v in inputs.inputs(name, meta, s, rng).items()}
            got = run(meta, s, weights, x, first)
            if got.get("margin", 1) > 3e-4:  # else rounding might decide
                break
        kinds = {kind(k) for k in want}
        got = {k: v for k, v in got.items() if kind(k) in kinds}
        assert {kind(k) for k in got} == kinds and all(numpy.all(numpy.isfinite(v)) for v in got.values()), name
        folder = out + "/" + name
        os.makedirs(folder, exist_ok=True)
        json.dump(meta, open(folder + "/case.json", "w"), indent=1)
        for file, tensors in (("weights", weights), ("inputs", x), ("expected", got)):
            write("%s/%s.safetensors" % (folder, file), tensors)
        print("wrote", folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    check(sys.argv[2]) if sys.argv[1] == "--check" else make(sys.argv[1], sys.argv[2])
