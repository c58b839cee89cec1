# SPDX-License-Identifier: Apache-2.0
"""BLIP's captions and answers, and where ALBEF looks in a picture."""
import autograd.numpy as np
import numpy

from variant.blip_cases import decoder_logits, multimodal
from variant.generation import beams, greedy, nucleus, rank
from variant.network import bert, dense, embed, feature, reads, taps, unseen, vit
from variant.training import Weights, begin, differentiate, starting_with, text_states


def told_from(w, s, states, masks=None):
    """logits(ids, which states each row reads): those of the last word's successor."""

    def logits(ids, of):
        of = numpy.array(list(of))
        cross = reads(w, s, [states[of]], None if masks is None else [masks[of]])
        return decoder_logits(w, ids, numpy.ones_like(ids), cross, s)[:, -1]

    return logits


def asked(w, s, x):
    images = vit(w, "visual_encoder.", x["images"], s)
    ids = starting_with(x["question_input_ids"], s["enc"])
    return images, multimodal(w, ids, x["question_attention_mask"], reads(w, s, [images]), s)


def run_captions(meta, s, w, x, first):
    c, w, prompts = meta["configuration"], Weights(begin(w, first), first), x["prompt_ids"].tolist()
    images = vit(w, "visual_encoder.", x["images"], s)
    logits_of, out, margins = told_from(w, s, images), {"image_embeds": images}, []
    for name, rules in c["runs"].items():
        if rules["num_beams"] == 1:
            out[name + ".sequences"], out[name + ".step_logits"], margin = greedy(logits_of, prompts, s["sep"], rules)
        else:
            out[name + ".sequences"], out[name + ".sequences_scores"], margin = beams(logits_of, prompts, s["sep"], rules)
        margins.append(margin)
    out["nucleus.first_step_logits"] = logits_of(x["prompt_ids"], range(len(prompts)))
    out["nucleus.first_step_probabilities"] = nucleus(out["nucleus.first_step_logits"], prompts, s["sep"], c["nucleus"])
    return {**out, "margin": min(margins)}


def run_answers(meta, s, w, x, first):
    w = Weights(begin(w, first), first)
    images, states = asked(w, s, x)
    prompts, rules = [[s["bos"]]] * len(states), meta["configuration"]["runs"]["beam3"]
    sequences, scores, margin = beams(told_from(w, s, states), prompts, s["sep"], rules)  # padding is read too
    return {"image_embeds": images, "question_states": states, "sequences": sequences, "sequences_scores": scores, "margin": margin}


def run_rank(meta, s, w, x, first):
    w, mask = Weights(begin(w, first), first), x["question_attention_mask"]
    images, states = asked(w, s, x)
    logits_of = lambda ids, words, of: decoder_logits(w, ids, words, reads(w, s, [states[of]], [mask[of]]), s)
    r = rank(logits_of, x["answer_input_ids"], x["answer_attention_mask"], len(states), s["shortlist"], s["smoothing"])
    best = numpy.sort(-r["losses"], 1)
    return {"image_embeds": images, "question_states": states, "first_step_logits": r["first"], "prob_first_token": r["likely"],
            "topk_probabilities": r["probabilities"], "topk_answer_index": r["short"], "topk_log_prob_sum": -r["losses"],
            "best_answer_index": numpy.take_along_axis(r["short"], numpy.argmin(r["losses"], 1)[:, None], 1)[:, 0],
            "margin": min(r["margin"], numpy.min(best[:, -1] - best[:, -2]))}


def overlap(a, b):
    d = [min(a[i] + a[i + 2] - 1, b[i] + b[i + 2] - 1) - max(a[i], b[i]) for i in (0, 1)]
    both = (d[0] + 1) * (d[1] + 1) if min(d) > 0 else 0
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def run_grounding(meta, s, w, x, first):
    state, mask, side, out = begin(w, first), x["attention_mask"], s["image"] // s["patch"], {}
    n, blocks, real = len(mask), [run["block"] for run in meta["runs"]], mask[:, :, None, None]
    pairs = meta["grounding_evaluation"]["pairs"] = meta["grounding_evaluation"]["pairs"][:n]

    def of_match(w, see):
        images = see("image_embeds", vit(w, "visual_encoder.", x["images"], s))
        watch = lambda name, v: see("attention_map", v) if name == "cross_attention.%d" % blocks[0] else v
        h = embed(w, "text_encoder.", x["input_ids"], s)
        h = see("text_hidden", bert(w, "text_encoder.", h, s, mask, range(s["layers"]), reads(w, s, [images], None, watch)))
        return see("objective", np.sum(see("itm_logits", dense(w, "itm_head", h[:, 0]))[:, 1]))

    def of_similarity(w, see):
        watch = lambda name, v: see("attention_map", v) if name == "attention.%d" % blocks[1] else v
        images = see("image_embeds", vit(w, "visual_encoder.", x["images"], s, watch))
        image = see("image_feat", feature(w, "vision_proj", images))
        text = see("text_feat", feature(w, "text_proj", see("text_embeds", text_states(w, x, s))))
        see("sim", np.dot(image, text.T) / w["temp"])
        return see("objective", np.sum(image * text) / w["temp"])

    for run, forward in (("itm.", of_match), ("itc.", of_similarity)):
        seen, _, by = differentiate(forward, state, first, ["attention_map"])
        seen["attention_gradient"] = by["attention_map"]
        maps = numpy.mean(seen["attention_map"] * numpy.maximum(by["attention_map"], 0), 1)[:, :, 1:]
        maps = maps.reshape(*maps.shape[:2], side, side)
        if run == "itm.":
            seen["cam_per_token"] = maps * real
            seen["cam"] = numpy.mean(seen["cam_per_token"], 1)
        else:
            seen["cam"] = maps[:, 0]
        for b, p in enumerate(pairs):
            by_pixel = taps(side, p["image_height"]) @ seen["cam"][b] @ taps(side, p["image_width"]).T
            seen["cam_resized.%d" % b] = by_pixel
            if run == "itm.":
                scores = []
                for left, top, width, height in p["detector_boxes"]:
                    inside = by_pixel[int(top) : int(top + height), int(left) : int(left + width)]
                    scores.append(numpy.sum(inside) / numpy.sqrt(width * height))
                seen["box_scores.%d" % b] = numpy.array(scores)
                p["best_box"] = int(numpy.argmax(scores))
                p["iou"] = float(overlap(p["reference_box"], p["detector_boxes"][p["best_box"]]))
                ordered = numpy.sort(scores)
                out["margin"] = min(out.get("margin", 1.0), (ordered[-1] - ordered[-2]) / ordered[-1])
        out.update({run + k: v for k, v in seen.items()})
    right = {split: [p["iou"] >= 0.5 for p in pairs if p["split"] == split] for split in ("val", "testA", "testB")}
    meta["grounding_evaluation"]["accuracy"] = {k + "_d": float(numpy.mean(v)) for k, v in right.items() if v}
    return out


CASES = {"blip/caption-generate": run_captions, "blip/vqa-generate": run_answers, "blip/vqa-rank": run_rank,
         "albef/grounding": run_grounding}
