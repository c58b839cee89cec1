# SPDX-License-Identifier: Apache-2.0
"""Random weights and inputs of a case at given sizes. What case.json repeats of them is written into its configuration."""
import numpy

from variant.sizes import configuration, shape_of


def weights(names, s, first, rng):
    out = {}
    for k in names:
        shape = shape_of(k, s)
        if k.endswith("position_ids"):
            out[k] = numpy.arange(shape[1])[None]
        elif k.endswith(("queue_ptr", "ptr_queue")):
            out[k] = numpy.array([s["pointer"]])
        elif k == "idx_queue":  # some places were never written
            out[k] = numpy.where(numpy.arange(shape[1]) % 3 == 2, -100, rng.integers(1, 9, shape))
        elif k == "temp":
            out[k] = numpy.array(s["temp"])
        elif k.endswith("_queue"):
            v = rng.normal(size=shape)
            out[k] = v / numpy.sqrt(numpy.sum(v * v, 0))
        else:
            # Places differ much, lest a text repeats one word.
            scale = 1.0 if "position_embeddings" in k else 0.2
            out[k] = rng.normal(size=shape) * scale + ("orm" in k and k.endswith("weight"))
    for k in out:
        if k.endswith("predictions.bias"):
            out[k][s["sep"]] += 2  # so that texts end
    out.update({k: out[of] for k, of in first.items()})
    return out


def words(rng, s, shape):
    return rng.integers(8, s["vocab"] - (0 if s["albef"] else 4), shape)


def texts(rng, s, n, length, shortest=4, end=None):
    """Padded ids and their mask: [CLS] first, `end` last, the first text as long as can be."""
    end = not s["albef"] if end is None else end
    lengths = numpy.concatenate([[length], rng.integers(shortest, length + 1, n - 1)])[:n]
    mask = (numpy.arange(length) < lengths[:, None]).astype(int)
    ids = words(rng, s, (n, length)) * mask
    ids[:, 0] = s["cls"]
    if end:
        ids[numpy.arange(n), lengths - 1] = s["sep"]
    return ids, mask


def text_inputs(rng, s, length, ids="input_ids", mask="attention_mask", n=None, **more):
    a, b = texts(rng, s, n or s["batch"], length, **more)
    return {ids: a, mask: b}


def images(rng, s, n=None):
    return rng.normal(size=(n or s["batch"], 3, s["image"], s["image"]))


def others(rng, ids):
    """For each entry the place of one with another id."""
    return numpy.array([rng.choice(numpy.flatnonzero(ids != i)) for i in ids])


def draw_vit(rng, s, config, runs):
    grids = {"checkpoint_pos_embed.grid%d" % g: rng.normal(size=(1, g * g + 1, s["width"])) for g in config["interpolate_from_grids"]}
    return {"images": images(rng, s), "projection": rng.normal(size=(s["batch"], s["patches"] + 1, s["width"])), **grids}


def draw_med(rng, s, config, runs):
    x = text_inputs(rng, s, s["length"])
    if "encoder_length" in s:
        # Only the decoder's case hides a part of what is read.
        keys = numpy.arange(s["encoder_length"]) < rng.integers(2, s["encoder_length"] + 1, s["batch"])[:, None]
        x["encoder_hidden_states"] = rng.normal(size=(s["batch"], s["encoder_length"], s["context"]))
        x["encoder_attention_mask"] = keys.astype(int) if "label_smoothing" in config else numpy.ones_like(keys, int)
    if "label_smoothing" in config:
        return {**x, "labels": numpy.where(x["attention_mask"] > 0, x["input_ids"], -100)}
    return {**x, "projection": rng.normal(size=(*x["input_ids"].shape, s["hidden"])) * x["attention_mask"][..., None]}


def draw_text_encoder(rng, s, config, runs):
    n, keys = s["batch"], s["image_length"]
    x = text_inputs(rng, s, s["length"])
    mask = (numpy.arange(keys) < numpy.concatenate([[keys], rng.integers(2, keys + 1, n - 1)])[:, None]).astype(int)
    return {**x, "image_mask": mask, "image_embeds": rng.normal(size=(n, keys, s["context"])),
            "text_embeds": rng.normal(size=(n, s["length"], s["hidden"])),
            "cotangent": rng.normal(size=(n, s["length"], s["hidden"])) * x["attention_mask"][..., None]}


def draw_pairs(rng, s, config, runs):
    return {"images": images(rng, s), **text_inputs(rng, s, s["length"])}


def draw_blip_pretrain(rng, s, config, runs):
    x = {}
    for step in range(config["steps"]):
        own = {**draw_pairs(rng, s, config, runs), **{"neg_%s_index" % k: others(rng, numpy.arange(s["batch"])) for k in ("image", "text")}}
        x.update({"step%d.%s" % (step + 1, k): v for k, v in own.items()})
    return x


def draw_blip_retrieval(rng, s, config, runs):
    ids = numpy.array([4, 7, 4, 2, 7, 5, 8][: s["batch"]])
    return {**draw_pairs(rng, s, config, runs), "idx": ids, **{"neg_%s_index" % k: others(rng, ids) for k in ("image", "text")}}


def draw_caption(rng, s, config, runs):
    x, prompt = draw_pairs(rng, s, config, runs), config["prompt_length"]
    x.update(text_inputs(rng, s, s["length"], shortest=prompt + 2))
    x["input_ids"][:, 1:prompt] = words(rng, s, prompt - 1)
    config["prompt_ids"] = x["input_ids"][0, :prompt].tolist() + [s["sep"]]
    return x


def draw_blip_vqa(rng, s, config, runs):
    x = {"images": images(rng, s), "answers_per_question": numpy.array([2, 1, 3, 1, 2, 4][: s["batch"]])}
    n = int(numpy.sum(x["answers_per_question"]))
    x.update(text_inputs(rng, s, s["question_length"], "question_input_ids", "question_attention_mask"))
    x.update(text_inputs(rng, s, s["answer_length"], "answer_input_ids", "answer_attention_mask", n, shortest=3))
    x["answer_weights"] = rng.integers(1, 11, n) / 10
    config["answers_per_question"], config["answer_weights"] = x["answers_per_question"].tolist(), x["answer_weights"].tolist()
    return x


def draw_blip_nlvr(rng, s, config, runs):
    x = {"images": images(rng, s, 2 * s["batch"]), **text_inputs(rng, s, s["length"]), "targets": numpy.arange(s["batch"]) % 2}
    config["targets"] = x["targets"].tolist()
    return x


def masking(rng, s, x):
    """Draws of word masking with every kind of replacement, the padding word among them, and their result."""
    ids, shape = x["input_ids"], x["input_ids"].shape
    d = {"selected": rng.random(shape) < 0.3, "mask": rng.random(shape) < 0.8, "random": rng.random(shape) < 0.5,
         "words": words(rng, s, shape)}
    d["selected"][0, 1:5], d["selected"][:, 0], d["selected"][-1, -1] = True, True, True
    d["mask"][0, 1:5], d["random"][0, 1:5] = [True, False, False, False], [False, True, True, False]
    d["words"][0, 3] = 0
    chosen = d["selected"] & (ids != s["pad"]) & (ids != s["cls"])
    masked = numpy.where(chosen & ~d["mask"] & d["random"], d["words"], numpy.where(chosen & d["mask"], s["mask"], ids))
    out = {"mlm.draw_" + k: v.astype(int) for k, v in d.items()}
    return {**out, "mlm.masked_ids": masked, "mlm.labels": numpy.where(chosen, ids, -100)}


def negatives(rng, ids):
    return {"negatives." + k: others(rng, ids) for k in ("image_for_text", "text_for_image")}


def draw_albef_pretrain(rng, s, config, runs):
    x = {}
    for run in runs:
        own = {**draw_pairs(rng, s, config, runs), **negatives(rng, numpy.arange(s["batch"]))}
        own.update(masking(rng, s, own))
        x.update({run["key_prefix"] + k: v for k, v in own.items()})
    return x


def draw_albef_retrieval(rng, s, config, runs):
    ids = numpy.array([4, 7, 4, 2, 7, 5, 8][: s["batch"]])
    x = {**draw_pairs(rng, s, config, runs), "idx": ids}
    for run in runs:
        x.update({run["key_prefix"] + k: v for k, v in negatives(rng, ids).items()})
    return x


def draw_classes(pictures):
    def draw(rng, s, config, runs):
        return {"images": images(rng, s, pictures * s["batch"]), **text_inputs(rng, s, s["length"]),
                "labels": numpy.arange(s["batch"]) % s["classes"]}

    return draw


def draw_assignment(rng, s, config, runs):
    x, pairs = draw_pairs(rng, s, config, runs), []
    for b in range(s["batch"]):
        one, two = rng.permutation([i for i in range(s["batch"]) if i != b])[:2]
        label = b % 3
        # Below a third: two negatives; else one, behind the own picture above a half.
        pairs.append([(b, one, 0, 0.7, 0.8), (one, b, 1, 0.6, 0.3), (one, two, 2, 0.2, -1)][label])
    names = ("pair.image0", "pair.image1", "pair.label", "draw.u_pair", "draw.u_order")
    return {**x, **{k: numpy.array(v) for k, v in zip(names, zip(*pairs))}, "draw.u_order": numpy.array([float(p[4]) for p in pairs])}


def draw_albef_vqa(rng, s, config, runs):
    x = {"images": images(rng, s), "k": numpy.array([2, 1, 3, 1, 2, 4][: s["batch"]])}
    n, candidates, length = int(numpy.sum(x["k"])), 11, s["answer_length"]
    x.update(text_inputs(rng, s, s["length"], "question_ids", "question_mask"))
    x.update(text_inputs(rng, s, length, "answer_ids", "answer_mask", n, shortest=3, end=True))
    x["weights"] = rng.integers(1, 11, n) / 10
    x.update(text_inputs(rng, s, length, "rank.answer_list_ids", "rank.answer_list_mask", candidates, shortest=3, end=True))
    x["rank.answer_list_ids"][3, 1] = x["rank.answer_list_ids"][5, 1]  # two that begin alike
    for run in runs:
        run.update({k: v for k, v in (("answers", n), ("candidates", candidates), ("k_test", s["shortlist"])) if k in run})
    return x


def draw_captions(rng, s, config, runs):
    prompt = [s["bos"]] + words(rng, s, s["prompt"] - 1).tolist()
    config["prompt_ids"] = [s["cls"]] + prompt[1:] + [s["sep"]]
    return {"images": images(rng, s), "prompt_ids": numpy.array([prompt] * s["batch"])}


def draw_questions(rng, s, config, runs):
    return {"images": images(rng, s), **text_inputs(rng, s, s["question_length"], "question_input_ids", "question_attention_mask")}


def draw_answers(rng, s, config, runs):
    x = draw_questions(rng, s, config, runs)
    x.update(text_inputs(rng, s, s["answer_length"], "answer_input_ids", "answer_attention_mask", s["answers"], shortest=3))
    x["answer_input_ids"][:, 0] = s["bos"]
    x["answer_input_ids"][3, 1] = x["answer_input_ids"][5, 1]  # two that begin alike
    return x


DRAWS = {"blip/caption-generate": draw_captions, "blip/vqa-generate": draw_questions, "blip/vqa-rank": draw_answers,
         "albef/grounding": draw_pairs,
         "blip/vit": draw_vit, "blip/med-text": draw_med, "blip/med-multimodal": draw_med, "blip/med-decoder": draw_med,
         "albef/text_encoder": draw_text_encoder, "blip/pretrain": draw_blip_pretrain, "blip/caption-train": draw_caption,
         "blip/vqa-train": draw_blip_vqa, "blip/retrieval": draw_blip_retrieval, "blip/nlvr": draw_blip_nlvr, "blip/itm-head": draw_pairs,
         "albef/pretrain": draw_albef_pretrain, "albef/pretrain_alpha0": draw_albef_pretrain, "albef/retrieval": draw_albef_retrieval,
         "albef/ve": draw_classes(1), "albef/nlvr": draw_classes(2), "albef/pretrain_nlvr": draw_assignment, "albef/vqa": draw_albef_vqa}


def inputs(name, meta, s, rng):
    config = configuration(meta)
    x = DRAWS[name](rng, s, config, meta.get("runs"))
    if "image_ids" in config:
        config["image_ids"] = x["idx"].tolist()
    return x
