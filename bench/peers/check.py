# SPDX-License-Identifier: Apache-2.0
"""Do the two variants compute the same? And is it what the published code computed?

variants(family): losses of three whole steps, gradients of the first; no dropout, fixed negatives and masks.
golden(family, folder): both variants against the stored reference run, two steps.
"""
import json
import re
import struct
from pathlib import Path

import torch

import expert
import published
from batch import Batch, draw_batch, mask_words
from pretraining_model import TINY, PretrainingModel, optimiser
from towers import Sizes, initialise

VARIANTS = {"published": published, "expert": expert}
TOLERANCE = 1e-4  # relative to the loss; for gradients to the tensor's largest, never less than 1e-3 of all


def build(family, variant, sizes, std=0.02, everything=False):
    """A model with weights of its own; the momentum copy equals the online weights, as published at the first step."""
    model = PretrainingModel(family, sizes, idle_momentum=variant == "published")
    initialise(model, std, everything)
    model.copy_to_momentum()
    return model


def one_step(model, variant, batch, optimise, alpha=0.4, drop=0.1, autocast=False):
    """Forward, backward, AdamW, momentum, queues; the losses as numbers."""
    optimise.zero_grad(set_to_none=True)
    with torch.autocast(model.temperature.device.type, torch.bfloat16, enabled=autocast):
        losses, features = VARIANTS[variant].step_losses(model, batch, alpha, drop)
        total = sum(losses.values())
    total.backward()
    optimise.step()
    if features is not None:
        model.enqueue(*features)
    return {**{name: loss.item() for name, loss in losses.items()}, "total": total.item()}


def _gradients(model):
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def _worst(actual, expected):
    """(largest deviation, where), relative to each tensor."""
    floor = 1e-3 * max(e.abs().max().item() for e in expected.values())
    if actual.keys() != expected.keys():
        return float("inf"), f"gradients exist in one of the two only: {sorted(actual.keys() ^ expected.keys())[:3]}"
    return max(((actual[k] - e).abs().max().item() / max(e.abs().max().item(), floor), k) for k, e in expected.items())


def variants(family, sizes=None, batch_size=4):
    sizes = sizes or TINY[family]
    torch.manual_seed(7)
    batches = [draw_batch(sizes, lengths) for lengths in ([9, 14, 6, 23], [30, 7, 8, 8], [12, 12, 12, 12])]
    for batch in batches:
        batch.negatives = ([2, 0, 1, 0], [1, 2, 3, 2])
        if family == "albef":
            batch.masked = mask_words(batch.ids, sizes)
    source = build(family, "published", sizes, std=None, everything=True)
    seen = {}
    for variant in VARIANTS:
        model = build(family, variant, sizes)
        model.load_state_dict(source.state_dict(), strict=variant == "published")
        optimise = optimiser(model, fused=variant == "expert")
        losses, gradients = [], None
        for batch in batches:
            losses.append(one_step(model, variant, batch, optimise, drop=0.0))
            gradients = gradients or _gradients(model)
        seen[variant] = losses, gradients
    (expected, gradients), (actual, ours) = seen["published"], seen["expert"]
    loss_error = max(abs(a[k] - e[k]) / abs(e[k]) for a, e in zip(actual, expected) for k in e)
    gradient_error, where = _worst(ours, gradients)
    print(f"{family}: expert against published, 3 steps: losses within {loss_error:.1e}, "
          f"gradients of {len(gradients)} tensors within {gradient_error:.1e} ({where}); "
          + ", ".join(f"{k} {v:.4f}" for k, v in expected[0].items()))
    finite = all(torch.isfinite(torch.tensor(list(e.values()))).all() for e in expected)
    return bool(finite) and loss_error < TOLERANCE and gradient_error < TOLERANCE


def _read(path):
    """All tensors of a safetensors file."""
    raw = bytearray(path.read_bytes())
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    header.pop("__metadata__", None)
    types = {"F32": torch.float32, "F64": torch.float64, "I64": torch.int64}
    found = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        data = torch.tensor(raw[8 + size + begin : 8 + size + end], dtype=torch.uint8)
        found[name] = data.view(types[entry["dtype"]]).reshape(entry["shape"])
    return found


# Published state dict names to ours, in this order.
_NAMES = [
    (r"^(visual_encoder|vision_proj|text_encoder|text_proj)_m\.", r"momentum.\1."),
    (r"\bvisual_encoder\.", "vision."), (r"patch_embed\.proj", "patches"), (r"cls_token", "cls"),
    (r"pos_embed", "positions"), (r"attn\.", ""), (r"mlp\.fc1", "up"), (r"mlp\.fc2", "down"),
    (r"text_decoder\.bert\.", "decoder."), (r"text_(decoder|encoder)\.cls\.predictions\.", "head."),
    (r"head\.transform\.", "head."), (r"text_encoder\.(bert\.)?", "text."),
    (r"embeddings\.word_embeddings", "words"), (r"embeddings\.position_embeddings", "positions"),
    (r"embeddings\.token_type_embeddings", "types"), (r"embeddings\.", ""),
    (r"encoder\.layer\.", "layers."), (r"crossattention\.", "cross."), (r"\.self\.", "."),
    (r"(attention|cross)\.output\.", r"\1."), (r"intermediate\.dense", "up"), (r"output\.dense", "down"),
    (r"output\.LayerNorm", "norm"), (r"LayerNorm", "norm"), (r"^temp$", "temperature"),
]


def _ours(name):
    for pattern, new in _NAMES:
        name = re.sub(pattern, new, name)
    return name


def _golden_sizes(family, case):
    if family == "albef":
        c = case["config"]
        v, t, s = c["vision"], c["text"], c["special_ids"]
        return Sizes(c["image_size"], c["patch_size"], v["width"], v["heads"], v["depth"], v["width"] * v["mlp_ratio"],
                     t["hidden"], t["heads"], t["layers"], t["intermediate"], t["fusion_layer"], t["type_vocab_size"],
                     t["vocab_size"], t["vocab_size"], t["max_positions"], c["embed_dim"], c["queue_size"],
                     cls=s["cls"], sep=s["sep"], mask=s["mask"]), c["queue_ptr_start"], c["alpha"]
    c = case["configuration"]
    return Sizes(c["image_size"], c["patch_size"], c["vision_width"], c["vision_heads"], c["vision_depth"],
                 c["vision_mlp_hidden"], c["text_hidden"], c["text_heads"], c["text_layers"], c["text_intermediate"],
                 0, 0, c["vocab_size"], c["vocab_size"], c["max_positions"], c["embed_dim"], c["queue_size"],
                 cls=c["cls_id"], sep=c["sep_id"], dec=c["bos_id"], enc=c["enc_id"]), c["queue_ptr_start"], c["alpha"]


def _golden_batch(family, inputs, step):
    at = {name[len(step) + 1 :]: x for name, x in inputs.items() if name.startswith(step + ".")}
    if family == "albef":
        negatives = at["negatives.image_for_text"].tolist(), at["negatives.text_for_image"].tolist()
        masked = at["mlm.masked_ids"], at["mlm.labels"]
    else:
        negatives, masked = (at["neg_image_index"].tolist(), at["neg_text_index"].tolist()), None
    return Batch(at["images"].double(), at["input_ids"], at["attention_mask"].sum(1).tolist(), negatives, masked)


def golden(family, folder):
    """In double precision, as the reference was. The second step starts from our own first one."""
    folder = Path(folder) / family / "pretrain"
    case = json.loads((folder / "case.json").read_text())
    weights, inputs, expected = (_read(folder / f"{n}.safetensors") for n in ("weights", "inputs", "expected"))
    sizes, pointer, alpha = _golden_sizes(family, case)
    good = True
    for variant in VARIANTS:
        model = PretrainingModel(family, sizes, idle_momentum=variant == "published").double()
        state = {_ours(k): x for k, x in weights.items() if ".decoder." not in k and x.is_floating_point()}
        known = model.state_dict()
        left = [k for k in state if k not in known and not (variant == "expert" and k.startswith("momentum.text"))]
        lacking = [k for k in known if k not in state]
        if left or lacking:
            raise SystemExit(f"golden: names do not match: left over {left[:4]}, lacking {lacking[:4]}")
        model.load_state_dict(state, strict=False)
        model.pointer = pointer
        errors = []
        for i, step in enumerate(("step1", "step2")):
            wanted = {k[len(step) + 6 :]: x for k, x in expected.items() if k.startswith(f"{step}.grad.")}
            rate = case["configuration"]["lr"][i] if family == "blip" else case["optimizer"]["lr"]
            decay = (case["configuration"] if family == "blip" else case["optimizer"])["weight_decay"]
            if i == 0:
                optimise = optimiser(model, fused=variant == "expert")
            optimise.param_groups[0].update(weight_decay=decay)
            for group in optimise.param_groups:
                group["lr"] = rate
            losses = one_step(model, variant, _golden_batch(family, inputs, step), optimise,
                              alpha[i] if family == "blip" else alpha, drop=0.0)
            for name, loss in losses.items():
                stored = expected[f"{step}.loss" + {"itc": "_ita", "total": ""}.get(name, f"_{name}")].item()
                errors.append(abs(loss - stored) / abs(stored))
            if i == 0:
                ours = dict(model.named_parameters(remove_duplicate=False))
                gradients = {k: ours[_ours(k)].grad for k in wanted}
                error, where = _worst(gradients, {k: x.double() for k, x in wanted.items()})
        print(f"{family} {variant}: against {folder.name} of the published code, losses of two steps within "
              f"{max(errors):.1e}, gradients of {len(wanted)} tensors within {error:.1e} ({where})")
        good = good and max(errors) < TOLERANCE and error < TOLERANCE
    return good
