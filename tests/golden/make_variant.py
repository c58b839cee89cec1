#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden cases of other sizes, from an implementation that shares nothing with the library (numpy, float64, autograd).

    pip install numpy scipy autograd
    make_variant.py --check CASES          recomputes the stored cases (made by the published PyTorch code) and compares
    make_variant.py CASES OUT              writes cases of the same form and other sizes to OUT
Then: cmake --preset dev -DBLIP_GOLDEN_DIR=OUT && cmake --build --preset dev && ctest --test-dir build/dev -R golden
"""
import json, os, struct, sys
import autograd.numpy as np
import numpy
from autograd import grad
from autograd.scipy.special import erf

TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8"}


def read(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for k, v in json.loads(raw[8 : 8 + n]).items():
        if k != "__metadata__":
            a, b = v["data_offsets"]
            out[k] = numpy.frombuffer(raw[8 + n + a : 8 + n + b], TYPES[v["dtype"]]).reshape(v["shape"])
    return out


def write(path, tensors):
    header, data = {}, b""
    for k, v in tensors.items():
        v = numpy.asarray(v)
        v = v.astype("<i8") if v.dtype.kind == "i" else v.astype("<f4")
        raw = v.tobytes()
        header[k] = {"dtype": "I64" if v.dtype.kind == "i" else "F32", "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def gelu(x):
    return x * 0.5 * (1 + erf(x / np.sqrt(2.0)))


def norm(w, p, x, eps):
    m = np.mean(x, -1, keepdims=True)
    v = np.mean((x - m) ** 2, -1, keepdims=True)
    return (x - m) / np.sqrt(v + eps) * w[p + ".weight"] + w[p + ".bias"]


def dense(w, p, x):
    return np.dot(x, w[p + ".weight"].T) + w[p + ".bias"]


def attend(q, k, v, heads, mask):
    b, n, width = q.shape
    d = width // heads
    split = lambda x: np.transpose(np.reshape(x, (b, x.shape[1], heads, d)), (0, 2, 1, 3))
    s = np.einsum("bhid,bhjd->bhij", split(q), split(k)) / np.sqrt(d) + mask
    e = np.exp(s - np.max(s, -1, keepdims=True))
    p = e / np.sum(e, -1, keepdims=True)
    return np.reshape(np.transpose(np.einsum("bhij,bhjd->bhid", p, split(v)), (0, 2, 1, 3)), (b, n, width))


def cubic(x, a=-0.75):
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0


def taps(old, new):
    m = numpy.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) * old / new - 0.5
        first = int(numpy.floor(centre)) - 1
        for j in range(first, first + 4):
            m[i, min(max(j, 0), old - 1)] += cubic(centre - j)
    return m


def resize(table, old, new):
    m = taps(old, new)
    grid = table[0, 1:].reshape(old, old, -1)
    return numpy.concatenate([table[:, :1], numpy.einsum("yi,xj,ijc->yxc", m, m, grid).reshape(1, new * new, -1)], 1)


def vit(w, images, c, seen=None):
    p, b = c["patch_size"], images.shape[0]
    g = c["image_size"] // p
    x = np.reshape(np.transpose(np.reshape(images, (b, 3, g, p, g, p)), (0, 2, 4, 1, 3, 5)), (b, g * g, 3 * p * p))
    kernel = np.reshape(w["patch_embed.proj.weight"], (c["vision_width"], -1))
    x = np.dot(x, kernel.T) + w["patch_embed.proj.bias"]
    if seen is not None:
        seen["patch_tokens"] = x
    x = np.concatenate([np.tile(w["cls_token"], (b, 1, 1)), x], 1) + w["pos_embed"]
    eps, width = c["vision_layer_norm_eps"], c["vision_width"]
    for i in range(c["vision_depth"]):
        k = "blocks.%d." % i
        h = dense(w, k + "attn.qkv", norm(w, k + "norm1", x, eps))
        h = attend(h[..., :width], h[..., width : 2 * width], h[..., 2 * width :], c["vision_heads"], 0.0)
        x = x + dense(w, k + "attn.proj", h)
        x = x + dense(w, k + "mlp.fc2", gelu(dense(w, k + "mlp.fc1", norm(w, k + "norm2", x, eps))))
        if seen is not None:
            seen["block_output.%d" % i] = x
    return norm(w, "norm", x, eps)


def bert_attention(w, k, x, source, heads, mask, eps):
    h = attend(dense(w, k + "self.query", x), dense(w, k + "self.key", source), dense(w, k + "self.value", source), heads, mask)
    return norm(w, k + "output.LayerNorm", dense(w, k + "output.dense", h) + x, eps)


def bert_embed(w, p, ids, eps):
    # The look-up of word 0 (padding) gives no gradient.
    words = w[p + "embeddings.word_embeddings.weight"]
    rows = np.where((ids == 0)[..., None], numpy.asarray(getattr(words, "_value", words))[ids], words[ids])
    x = rows + w[p + "embeddings.position_embeddings.weight"][: ids.shape[1]]
    if p + "embeddings.token_type_embeddings.weight" in w:
        x = x + w[p + "embeddings.token_type_embeddings.weight"][0]
    return norm(w, p + "embeddings.LayerNorm", x, eps)


def bert(w, p, x, layers, heads, eps, mask, causal, context, context_mask, crosses, seen, keep):
    n = x.shape[1]
    allowed = numpy.broadcast_to(mask[:, None, None, :], (mask.shape[0], 1, n, n)).astype(float)
    if causal:
        allowed = allowed * numpy.tril(numpy.ones((n, n)))
    own = (1 - allowed) * -10000.0
    other = None if context is None else (1 - context_mask[:, None, None, :].astype(float)) * -1e9
    if keep:
        seen.append(x)
    for i in layers:
        k = p + "encoder.layer.%d." % i
        x = bert_attention(w, k + "attention.", x, x, heads, own, eps)
        if context is not None and crosses(i):
            x = bert_attention(w, k + "crossattention.", x, context, heads, other, eps)
        h = dense(w, k + "output.dense", gelu(dense(w, k + "intermediate.dense", x)))
        x = norm(w, k + "output.LayerNorm", h + x, eps)
        if keep:
            seen.append(x)
    return x


def floats(w):
    return {k: v.astype(float) for k, v in w.items() if v.dtype.kind == "f"}


def gradients(loss, w, extra):
    """Gradients of loss(w, extra); a parameter that the loss does not reach has none."""
    g = grad(lambda both: loss(both[0], both[1]))((w, extra))
    return {k: v for k, v in g[0].items() if numpy.any(v != 0) or k.endswith("key.bias")}, g[1]


def run_vit(c, w, x):
    w, seen = floats(w), {}
    f = lambda w, e: np.sum(vit(w, e["images"], c) * x["projection"])
    out = {"output": vit(w, x["images"].astype(float), c, seen)}
    out.update(seen)
    e = {"images": x["images"].astype(float)}
    out["loss"] = f(w, e)
    g, ge = gradients(f, w, e)
    out.update({"grad." + k: v for k, v in g.items()})
    out["grad_input.images"] = ge["images"]
    side = c["image_size"] // c["patch_size"]
    for grid in c["interpolate_from_grids"]:
        table = resize(x["checkpoint_pos_embed.grid%d" % grid].astype(float), grid, side)
        out["interpolated_pos_embed.from_grid%d" % grid] = table
        out["interpolated_output.from_grid%d" % grid] = vit(dict(w, pos_embed=table), x["images"].astype(float), c)
    return out


def run_med(c, w, x):
    w, decoder = floats(w), "labels" in x
    p = "bert." if decoder else ""
    if decoder:  # tied: differentiate by the first of each pair
        w = {k: v for k, v in w.items() if not k.startswith("cls.predictions.decoder.")}
    eps, heads, layers = c["text_layer_norm_eps"], c["text_heads"], range(c["text_layers"])
    mask = x["attention_mask"]
    e = {"context": x["encoder_hidden_states"].astype(float)} if "encoder_hidden_states" in x else {}

    def states(w, e, seen, keep):
        h = bert_embed(w, p, x["input_ids"], eps)
        return bert(w, p, h, layers, heads, eps, mask, decoder, e.get("context"), x.get("encoder_attention_mask"), lambda i: True, seen, keep)

    def logits(w, h):
        h = norm(w, "cls.predictions.transform.LayerNorm", gelu(dense(w, "cls.predictions.transform.dense", h)), eps)
        return np.dot(h, w["bert.embeddings.word_embeddings.weight"].T) + w["cls.predictions.bias"]

    def each(l):
        l, y = l[:, :-1], x["labels"][:, 1:]
        top = np.max(l, -1, keepdims=True)
        logp = l - top - np.log(np.sum(np.exp(l - top), -1, keepdims=True))
        s, hot = c["label_smoothing"], numpy.eye(l.shape[-1])[numpy.maximum(y, 0)]
        return (-(1 - s) * np.sum(logp * hot, -1) - s * np.mean(logp, -1)) * (y >= 0)

    def loss(w, e):
        h = states(w, e, None, False)
        return np.sum(each(logits(w, h))) / numpy.sum(x["labels"][:, 1:] >= 0) if decoder else np.sum(h * x["projection"])

    seen = []
    last = states(w, e, seen, True)
    out = {"hidden_states.%d" % i: s for i, s in enumerate(seen)}
    out["loss"] = loss(w, e)
    if decoder:
        out["logits"] = logits(w, last)
        out["loss_per_sample"] = np.sum(each(out["logits"]), 1)
    else:
        out["last_hidden_state"] = last
    g, ge = gradients(loss, w, e)
    out.update({"grad." + k: v for k, v in g.items() if e or "crossattention" not in k})
    if e:
        out["grad_input.encoder_hidden_states"] = ge["context"]
    return out


def run_albef(c, w, x):
    w, t, p = floats(w), c["text"], "text_encoder."
    eps, ones, out = t["layer_norm_eps"], numpy.ones_like(x["image_mask"]), {}
    low, high = range(t["fusion_layer"]), range(t["fusion_layer"], t["layers"])
    e = {"image_embeds": x["image_embeds"].astype(float), "text_embeds": x["text_embeds"].astype(float)}
    for name, layers, has_text, has_image, image_mask in (
        ("text", low, True, False, ones), ("fusion", high, False, True, ones),
        ("multi_modal", range(t["layers"]), True, True, ones), ("multi_modal_image_mask", range(t["layers"]), True, True, x["image_mask"])):

        def states(w, e, seen, keep):
            h = bert_embed(w, p, x["input_ids"], eps) if has_text else e["text_embeds"]
            return bert(w, p, h, layers, t["heads"], eps, x["attention_mask"], False, e["image_embeds"] if has_image else None,
                        image_mask, lambda i: i >= t["fusion_layer"], seen, keep)

        loss = lambda w, e: np.sum(states(w, e, None, False) * x["cotangent"])
        seen = []
        out[name + ".last_hidden_state"] = states(w, e, seen, True)
        out.update({"%s.hidden_states.%d" % (name, i): s for i, s in enumerate(seen)})
        out[name + ".objective"] = loss(w, e)
        g, ge = gradients(loss, w, e)
        out.update({"%s.grad.%s" % (name, k): v for k, v in g.items()
                    if not (k.endswith("key.bias") and int(k.split(".")[3]) not in layers)
                    and not ("crossattention" in k and not has_image)})
        if has_image:
            out[name + ".act_grad.image_embeds"] = ge["image_embeds"]
        if not has_text:
            out[name + ".act_grad.text_embeds"] = ge["text_embeds"]
    return out


CASES = {"blip/vit": run_vit, "blip/med-text": run_med, "blip/med-multimodal": run_med, "blip/med-decoder": run_med,
         "albef/text_encoder": run_albef}
# Old size -> new size. Every size of a case is a different number, but for those that must be equal.
SIZES = {
    "blip/vit": {"vision_width": 54, "vision_heads": 3, "vision_mlp_hidden": 100, "vision_depth": 3, "image_size": 24, "patch_size": 4,
                 "vision_patches": 36, "batch": 3},
    "albef/text_encoder": {"hidden": 28, "heads": 2, "intermediate": 34, "vocab_size": 45, "max_positions": 12, "encoder_width": 22}}
MED = {"text_hidden": 42, "text_heads": 3, "text_intermediate": 70, "vocab_size": 90, "encoder_width": 26, "max_positions": 13}


def load(folder):
    meta = json.load(open(folder + "/case.json"))
    key = "configuration" if "configuration" in meta else "config"
    return meta, key, [read("%s/%s.safetensors" % (folder, f)) for f in ("weights", "inputs", "expected")]


def check(root):
    for name, run in CASES.items():
        meta, key, (w, x, want) = load(root + "/" + name)
        got, worst = run(meta[key], w, x), 0.0
        masks = {"attention_mask": x.get("attention_mask")}
        for k, v in want.items():
            a, b = numpy.asarray(got[k], float), v.astype(float)
            if masks["attention_mask"] is not None and a.ndim >= 2 and a.shape[:2] == masks["attention_mask"].shape and "grad." not in k:
                a, b = (y[masks["attention_mask"] > 0] for y in (a, b))  # padding holds nothing that is read
            worst = max(worst, numpy.max(numpy.abs(a - b), initial=0) / max(1.0, numpy.max(numpy.abs(b), initial=0)))
        surplus = [k for k in got if k not in want and "hidden_states" not in k and "last_hidden_state" not in k]
        print("%-22s %4d tensors, worst difference %.1e, not stored: %s" % (name, len(want), worst, surplus[:3]))
        assert worst < 2e-7, name


def make(root, out):
    rng = numpy.random.default_rng(7)
    for name, run in CASES.items():
        meta, key, (w, x, _) = load(root + "/" + name)
        c, sizes = meta[key], SIZES.get(name, MED)
        c = c["text"] if "text" in c else c
        change = {}
        for k, v in sizes.items():
            change.setdefault(c[k], v)
        old = dict(c)
        c.update(sizes)
        if name == "blip/vit":
            p, g = c["patch_size"], c["image_size"] // c["patch_size"]
            change.update({3 * old["vision_width"]: 3 * c["vision_width"], old["vision_patches"] + 1: g * g + 1, 2: c["batch"]})
            keep = [1, 3, 10, 37]
        else:
            keep = [1, 2, 4, 7, 9, 12, 17] + [d for d in (x["input_ids"].shape[0], x["input_ids"].shape[1])]
        shape = lambda s: [d if d in keep else change.get(d, d) for d in s]
        draw = lambda s: rng.normal(size=s) * 0.2
        weights = {k: (numpy.arange(shape(v.shape)[-1])[None] if v.dtype.kind == "i" else
                       draw(shape(v.shape)) + ("orm" in k and k.endswith("weight"))) for k, v in w.items()}
        if name == "blip/vit":
            for k in list(weights):
                if k.startswith("blocks.1."):
                    weights[k.replace("blocks.1.", "blocks.2.")] = draw(weights[k].shape) + ("norm" in k and k.endswith("weight"))
        if "cls.predictions.decoder.weight" in weights:
            weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"]
            weights["cls.predictions.decoder.bias"] = weights["cls.predictions.bias"]
        inputs = {}
        for k, v in x.items():
            if v.dtype.kind == "f":
                inputs[k] = draw(shape(v.shape)) * 5
                if k in ("projection", "cotangent") and "attention_mask" in x:
                    inputs[k] = inputs[k] * (x["attention_mask"][..., None] > 0)
            else:
                inputs[k] = numpy.where(v >= c.get("vocab_size", 10**9), 3 + v % 7, v) if "mask" not in k else v
        # What is stored is float32: compute from what a reader will see.
        weights, inputs = ({k: v if v.dtype.kind == "i" else v.astype("<f4") for k, v in d.items()} for d in (weights, inputs))
        folder = out + "/" + name
        os.makedirs(folder, exist_ok=True)
        json.dump(meta, open(folder + "/case.json", "w"), indent=1)
        write(folder + "/weights.safetensors", weights)
        write(folder + "/inputs.safetensors", inputs)
        write(folder + "/expected.safetensors", run(meta[key], weights, inputs))
        print("wrote", folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    check(sys.argv[2]) if sys.argv[1] == "--check" else make(sys.argv[1], sys.argv[2])
