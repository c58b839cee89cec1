# SPDX-License-Identifier: Apache-2.0
"""The sizes of a case, where its case.json says them, and which shape they give to which parameter."""
import re

# Name here: what BLIP's and ALBEF's cases call it. A dot leads into a nested object.
KEYS = {
    "image": ("image_size", "image_size"), "patch": ("patch_size", "patch_size"), "patches": ("vision_patches", "num_patches"),
    "width": ("vision_width", "vision.width"), "depth": ("vision_depth", "vision.depth"), "mlp": ("vision_mlp_hidden", None),
    "mlp_ratio": (None, "vision.mlp_ratio"), "vision_heads": ("vision_heads", "vision.heads"),
    "vision_eps": ("vision_layer_norm_eps", "vision.layer_norm_eps"), "hidden": ("text_hidden", "text.hidden"),
    "layers": ("text_layers", "text.layers"), "cross_from": (None, "text.fusion_layer"), "heads": ("text_heads", "text.heads"),
    "inner": ("text_intermediate", "text.intermediate"), "vocab": ("vocab_size", "text.vocab_size"),
    "positions": ("max_positions", "text.max_positions"), "context": ("encoder_width", "text.encoder_width"),
    "decoder_context": ("decoder_encoder_width", "decoder.encoder_width"), "decoder_layers": (None, "decoder.layers"),
    "text_eps": ("text_layer_norm_eps", "text.layer_norm_eps"), "embed": ("embed_dim", "embed_dim"),
    "queue": ("queue_size", "queue_size"), "pointer": ("queue_ptr_start", "queue_ptr_start"), "batch": ("batch", None),
    "length": ("text_len", None), "encoder_length": ("encoder_len", None), "question_length": ("question_len", None),
    "answer_length": ("answer_len", None), "prompt": ("prompt_length", None), "momentum": ("momentum", "momentum"),
    "smoothing": ("label_smoothing", None), "classes": (None, "num_classes"),
    "shortlist": ("k_test", "k_test"), "answers": ("num_answers", None),
    "temp": ("stored_temp", "temp"),
}
SPECIAL = ("cls", "sep", "bos", "enc")  # BLIP's last four words, in this order; ALBEF's are fixed


def find(config, key):
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


def configuration(meta):
    return meta["configuration"] if "configuration" in meta else meta["config"]


def read_sizes(meta, weights):
    config, albef = configuration(meta), "config" in meta
    s = {k: find(config, names[albef]) for k, names in KEYS.items() if names[albef]}
    s = {"cross_from": 0, "classes": 2, "smoothing": 0.0, **{k: v for k, v in s.items() if v is not None}}
    if albef:
        s["mlp"] = s["mlp_ratio"] * s["width"]
        runs = meta.get("runs", [{}])[0]
        s.update({to: runs[of] for to, of in (("batch", "batch"), ("length", "text_length")) if of in runs})
        s.update(config["special_ids"])
    else:
        s.update({k: config[k + "_id"] for k in SPECIAL if k + "_id" in config})
    s["albef"] = albef
    s["alone"] = s["cross_from"] if albef else s.get("layers", 0)  # layers that a text goes through without a picture
    s["bert"] = "bert." if "text_encoder.bert.embeddings.word_embeddings.weight" in weights else ""
    s["text_states"] = "text_embeds" if albef else "text_hidden"
    s["shares_decoder"] = not albef and meta["case"] == "pretrain"
    s["shares_pairs"] = albef and meta["case"] in ("nlvr", "pretrain_nlvr")
    return s


def change_sizes(meta, change):
    """Writes new sizes into the configuration and the runs, with what follows from them; gives all that is new."""
    config, albef, new = configuration(meta), "config" in meta, dict(change)
    if "image" in new:
        new["patches"] = (new["image"] // new["patch"]) ** 2
    for k, of in (("context", "width"), ("decoder_context", "hidden")):  # what reads must be as wide as what is read
        if of in new and find(config, KEYS[k][albef]) is not None:
            new.setdefault(k, new[of])
    if not albef and "vocab" in new:
        config.update({k + "_id": new["vocab"] - 4 + i for i, k in enumerate(SPECIAL) if k + "_id" in config})
    for k, v in new.items():
        key = KEYS.get(k, (None, None))[albef]
        if key is not None:
            inner = config
            for name in key.split(".")[:-1]:
                inner = inner[name]
            inner[key.split(".")[-1]] = v
    pointer = new.get("pointer", 0)
    for run in meta.get("runs", []):
        after = (pointer + new["batch"]) % new.get("queue", 1)
        text = {"text": (0, new["cross_from"] - 1), "fusion": (new["cross_from"], new["layers"] - 1)}
        know = {"batch": new["batch"], "text_length": new["length"], "queue_ptr_before": pointer, "queue_ptr_after": after,
                "layers_run": list(text.get(run.get("mode"), (0, new["layers"] - 1)))}
        run.update({k: v for k, v in know.items() if k in run})
        pointer = after
        if any(".layer." in k for k in run.get("no_gradient") or []):
            del run["no_gradient"]  # names of the stored case's layers
    return new


# A pattern of the name, and its shape as names of sizes or numbers.
SHAPES = [(re.compile(p), shape.split()) for p, shape in (
    (r"^temp$", ""), (r"(queue_ptr|ptr_queue)$", "1"), (r"idx_queue$", "1 queue"), (r"_queue$", "embed queue"),
    (r"position_ids$", "1 positions"), (r"patch_embed\.proj\.weight$", "width 3 patch patch"), (r"cls_token$", "1 1 width"),
    (r"pos_embed$", "1 tokens width"), (r"attn\.qkv\.weight$", "qkv width"), (r"attn\.qkv\.bias$", "qkv"),
    (r"attn\.proj\.weight$", "width width"), (r"mlp\.fc1\.weight$", "mlp width"), (r"mlp\.fc1\.bias$", "mlp"),
    (r"mlp\.fc2\.weight$", "width mlp"), (r"(patch_embed\.proj|attn\.proj|mlp\.fc2)\.bias$|norm\d?\.(weight|bias)$", "width"),
    (r"word_embeddings", "vocab hidden"), (r"position_embeddings", "positions hidden"), (r"token_type", "2 hidden"),
    (r"predictions(\.decoder)?\.bias$", "vocab"), (r"predictions\.decoder\.weight$", "vocab hidden"), (r"LayerNorm", "hidden"),
    (r"text_decoder.*crossattention\.self\.(key|value)\.weight$", "hidden decoder_context"),
    (r"crossattention\.self\d?\.(key|value)\.weight$", "hidden context"), (r"merge_layer\.weight$", "hidden twice"),
    (r"intermediate\.dense\.weight$", "inner hidden"), (r"intermediate\.dense\.bias$", "inner"),
    (r"\.\d+\.output\.dense\.weight$", "hidden inner"), (r"(vision|text)_proj(_m)?\.bias$", "embed"),
    (r"vision_proj(_m)?\.weight$", "embed width"), (r"text_proj(_m)?\.weight$", "embed hidden"),
    (r"itm_head\.weight$", "2 hidden"), (r"itm_head\.bias$", "2"), (r"(cls_head(_m)?\.2|ta_head)\.weight$", "classes hidden"),
    (r"(cls_head(_m)?\.2|ta_head)\.bias$", "classes"), (r"weight$", "hidden hidden"), (r"bias$", "hidden"))]


def shape_of(name, s):
    more = {"tokens": s.get("patches", 0) + 1, "qkv": 3 * s.get("width", 0), "twice": 2 * s.get("hidden", 0),
            "decoder_context": s.get("context"), **s}
    return next(tuple(int(more.get(d, d)) for d in shape) for pattern, shape in SHAPES if pattern.search(name))


def names_of(stored, old, new):
    """The names of a model of other depth, by those of the stored one: a layer is like the first of its kind there."""
    counts = {"blocks": "depth", "text_encoder": "layers", "text_decoder": "decoder_layers" if old["albef"] else "layers"}

    def kind(tower, i, s):  # layers differ by whether they read pictures, and by how twin layers merge
        return (0, 0) if tower != "text_encoder" else (i >= s["cross_from"], i >= 6 and not s["albef"])

    out = []
    for name in stored:
        layer = re.search(r"(blocks|layer)\.(\d+)\.", name)
        if not layer:
            out.append(name)
            continue
        tower = "blocks" if layer[1] == "blocks" else "text_decoder" if name.startswith("text_decoder") else "text_encoder"
        i, key = int(layer[2]), counts[tower]
        like = [j for j in range(old[key]) if kind(tower, j, old) == kind(tower, i, old)]
        if i == like[0]:
            out += [name.replace(layer[0], "%s.%d." % (layer[1], j)) for j in range(new[key]) if kind(tower, j, new) == kind(tower, i, old)]
    return out
