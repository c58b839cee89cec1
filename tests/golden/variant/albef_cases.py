# SPDX-License-Identifier: Apache-2.0
"""Training steps of ALBEF, and what it predicts."""
import autograd.numpy as np
import numpy

from variant.files import stored
from variant.generation import rank
from variant.network import bert, classes, dense, embed, feature, reads, softmax, unseen, vit, word_logits
from variant.training import (Weights, adamw, average, begin, contrast, cross_entropy, differentiate, enqueue, features, labels_of, match,
                              one_hot, part, results, teach, word_losses)

CONTRASTIVE = ["image_embeds", "text_embeds", "image_feat", "text_feat", "sim_i2t", "sim_t2i", "itm_logits"]


def multimodal(w, ids, mask, sources, s, m=""):
    """Words through all layers."""
    p = "text_encoder%s.%s" % (m, s["bert"])
    return bert(w, p, embed(w, p, ids, s), s, mask, range(s["layers"]), reads(w, s, sources))


def masked_logits(w, x, images, s, m=""):
    return word_logits(w, "text_encoder%s." % m, multimodal(w, x["mlm.masked_ids"], x["attention_mask"], [images], s, m), s)


def matched(w, see, x, s, images, text):
    """Matching goes on from the text's own states."""
    mask, p, n = x["attention_mask"], "text_encoder." + s["bert"], len(x["input_ids"])
    fuse = lambda rows, pictures: bert(w, p, text[rows], s, mask[rows], range(s["alone"], s["layers"]), reads(w, s, [pictures]))
    hidden, loss = match(w, see, images, x["negatives.image_for_text"], x["negatives.text_for_image"], fuse)
    see("itm_hidden_pos", hidden[:n]), see("itm_hidden_neg", hidden[n:])
    return loss


def mixed(alpha, ce, distill):
    return ce if alpha is None else (1 - alpha) * ce + alpha * distill


def step(state, moments, meta, number):
    """AdamW as the case states it; neither vectors nor biases decay."""
    o = meta["optimizer"]
    adamw(state, moments["slopes"], moments, o["lr"], lambda k, v: 0.0 if v.ndim == 1 or k.endswith(".bias") else o["weight_decay"], number)


def rounded(values):
    return {k: stored(v).astype(float) if numpy.asarray(v).dtype.kind == "f" else v for k, v in values.items()}


def run_pretrain(meta, s, w, x, first):
    state, moments, out, n = begin(w, first), {}, {}, s["batch"]
    for number, run in enumerate(meta["runs"], 1):
        y, alpha, before = part(x, run["key_prefix"]), run["alpha"], {}
        state = rounded(state)  # the second step starts from what is stored of the first
        state["temp"] = before["temp_used"] = numpy.clip(state["temp"], 0.001, 0.5)
        taught = teach(state, first, before.setdefault, y, s, s["momentum"], numpy.eye(n, n + s["queue"]), alpha)
        before["mlm_logits_m"] = masked_logits(Weights(state, first), y, taught["images"], s, "_m")
        soft = before["mlm_soft_labels"] = softmax(before["mlm_logits_m"])

        def forward(w, see):
            images, text, image, feat = features(w, see, y, s)
            sims, ita = contrast(w, see, image, feat, taught)
            for way, sim in sims.items():
                see("weights_" + way, softmax(sim[:, :n]) * (1 - numpy.eye(n)))
            itm = matched(w, see, y, s, images, text)
            labels = see("mlm_labels", y["mlm.labels"])
            see("mlm_input_ids", y["mlm.masked_ids"])
            logits, chosen = see("mlm_logits", masked_logits(w, y, images, s)), labels >= 0
            mean = lambda targets: np.sum(cross_entropy(logits, targets) * chosen) / numpy.sum(chosen)
            ce, distill = see("loss_mlm_ce", mean(one_hot(labels, s["vocab"]))), see("loss_mlm_distill", mean(soft))
            return see("loss", see("loss_mlm", mixed(alpha, ce, distill)) + ita + itm)

        seen, g, by = differentiate(forward, state, first, CONTRASTIVE + ["mlm_logits"])
        enqueue(state, taught, "queue_ptr")
        if "optimizer" in meta:
            moments["slopes"] = g
            step(state, moments, meta, number)
            moments = {k: (0.1 * v, 0.001 * v * v) for k, v in rounded(g).items()}
        out.update(results(run["key_prefix"], {**before, **seen}, g, by, state, first))
    return out


def run_retrieval(meta, s, w, x, first):
    out, ids, n = {}, x["idx"], s["batch"]
    for run in meta["runs"]:
        y, state, before = part(x, run["key_prefix"]), begin(w, first), {}
        all_ids = numpy.concatenate([ids[None], state["idx_queue"]], 1)
        same = (ids[:, None] == all_ids).astype(float)
        before["idx_all"], before["sim_targets"] = all_ids, same / numpy.sum(same, 1, keepdims=True)
        taught = teach(state, first, before.setdefault, y, s, s["momentum"], before["sim_targets"], run["alpha"])

        def forward(w, see):
            images, text, image, feat = features(w, see, y, s)
            sims, ita = contrast(w, see, image, feat, taught)
            for way, sim in sims.items():
                see("weights_" + way, softmax(sim[:, :n]) * (1 - same[:, :n]))
            return see("loss", ita + matched(w, see, y, s, images, text))

        seen, g, by = differentiate(forward, state, first, CONTRASTIVE)
        enqueue(state, taught, "queue_ptr", ids)
        if run["optimizer_step"]:
            step(state, {"slopes": g}, meta, 1)
        out.update(results(run["key_prefix"], {**before, **seen}, g, by, state, first))
    return out


def run_classes(meta, s, w, x, first):
    """Entailment, and two pictures to a text."""
    out, n = {}, len(x["labels"])
    of = numpy.arange(len(x["images"])).reshape(-1, n)  # of each turn, its pictures

    def predict(w, see, m=""):
        images = see("image_embeds" + m, vit(w, "visual_encoder%s." % m, x["images"], s))
        hidden = see("text_hidden" + m, multimodal(w, x["input_ids"], x["attention_mask"], [images[rows] for rows in of], s, m))
        return see("prediction" + m, classes(w, "cls_head" + m, hidden[:, 0]))

    for run in meta["runs"]:
        state, before, alpha = begin(w, first), {}, run["alpha"]
        if alpha is not None:
            average(state, first, s["momentum"])
            before["soft_labels"] = softmax(predict(Weights(state, first), before.setdefault, "_m"))

        def forward(w, see):
            prediction = predict(w, see)
            mean = lambda targets: np.mean(cross_entropy(prediction, targets))
            ce = see("loss_ce", mean(one_hot(x["labels"], s["classes"])))
            distill = None if alpha is None else see("loss_distill", mean(before["soft_labels"]))
            return see("loss", mixed(alpha, ce, distill))

        seen, g, by = differentiate(forward, state, first, ["image_embeds", "prediction", "text_hidden"])
        out.update(results(run["key_prefix"], {**before, **seen}, g, by, state, first))
    return out


def run_assignment(meta, s, w, x, first):
    n = len(x["input_ids"])

    def forward(w, see):
        images = see("image_embeds", vit(w, "visual_encoder.", x["images"], s))
        pair = [images[x["pair.image0"]], images[x["pair.image1"]]]
        hidden = see("text_hidden", multimodal(w, x["input_ids"], x["attention_mask"], pair, s))
        labels, prediction = see("labels", x["pair.label"]), see("prediction", dense(w, "ta_head", hidden[:, 0]))
        return see("loss", np.mean(cross_entropy(prediction, one_hot(labels, s["classes"]))))

    state = begin(w, first)
    seen, g, by = differentiate(forward, state, first, ["image_embeds", "text_hidden", "prediction"])
    f = seen["image_feat"] = feature(Weights(state, first), "vision_proj", seen["image_embeds"])
    seen["sim"] = np.dot(f, f.T) / 0.07
    seen["weights"] = softmax(seen["sim"]) * (1 - numpy.eye(n))
    return results("", seen, g, by)


def answer_logits(w, ids, mask, states, state_mask, s, m=""):
    p = "text_decoder%s." % m
    cross = reads(w, {**s, "cross_from": 0}, [states], [state_mask])
    h = bert(w, p + "bert.", embed(w, p + "bert.", ids, s), {**s, "cross_from": 0}, mask, range(s["decoder_layers"]), cross, True)
    return word_logits(w, p, h, s)


def run_vqa(meta, s, w, x, first):
    out, of = {}, numpy.repeat(numpy.arange(len(x["k"])), x["k"])
    mask, labels = x["question_mask"], labels_of(x["answer_ids"], x["answer_mask"])

    def question(w, see, m=""):
        images = see("image_embeds" + m, vit(w, "visual_encoder%s." % m, x["images"], s))
        return see("question_states" + m, multimodal(w, x["question_ids"], mask, [images], s, m))

    for run in meta["runs"][:2]:
        state, before, alpha = begin(w, first), {}, run["alpha"]
        if alpha is not None:
            average(state, first, s["momentum"])
            m = Weights(state, first)
            states = question(m, before.setdefault, "_m")
            logits = answer_logits(m, x["answer_ids"], x["answer_mask"], states[of], mask[of], s, "_m")
            before["answer_logits_m"] = logits[:, :-1]
            before["soft_labels"] = softmax(logits[:, :-1])

        def forward(w, see):
            states, asked = question(w, see), see("repeated_question_mask", mask[of])
            repeated = see("repeated_question_states", states[of])
            logits = see("answer_logits", answer_logits(w, x["answer_ids"], x["answer_mask"], repeated, asked, s))
            ce, distill = see("answer_loss_ce", np.sum(word_losses(logits, see("answer_targets", labels), 0.0), 1)), None
            if alpha is not None:
                words = cross_entropy(logits[:, :-1], before["soft_labels"]) * (labels[:, 1:] >= 0)
                distill = see("answer_loss_distill", np.sum(words, 1))
            losses = see("answer_loss", mixed(alpha, ce, distill))
            return see("loss", np.sum(x["weights"].astype(float) * losses) / len(mask))

        seen, g, by = differentiate(forward, state, first, ["image_embeds", "question_states", "answer_logits"])
        out.update(results(run["key_prefix"], {**before, **seen}, g, by, state, first))
    plain = Weights(begin(w, first), first)
    states = question(plain, unseen)
    logits_of = lambda ids, words, rows: answer_logits(plain, ids, words, states[rows], mask[rows], s)
    r = rank(logits_of, x["rank.answer_list_ids"], x["rank.answer_list_mask"], len(states), s["shortlist"], 0.0)
    score = numpy.log(r["probabilities"]) - r["losses"]  # the first word counts twice
    order = numpy.argsort(-score, 1, kind="stable")
    ids, chances, ordered = (numpy.take_along_axis(v, order, 1) for v in (r["short"], softmax(score), score))
    ranked = {"first_token_logits": r["first"], "prob_first_token": r["likely"], "shortlist_ids": r["short"],
              "shortlist_probs": r["probabilities"], "candidate_answer_ids": r["ids"], "candidate_logits": r["logits"],
              "candidate_loss": r["losses"], "candidate_log_score": score, "topk_ids": ids, "topk_probs": chances}
    out.update({"rank." + k: v for k, v in ranked.items()})
    return {**out, "margin": min(r["margin"], numpy.min(ordered[:, :-1] - ordered[:, 1:]))}


CASES = {"albef/pretrain": run_pretrain, "albef/pretrain_alpha0": run_pretrain, "albef/retrieval": run_retrieval, "albef/ve": run_classes,
         "albef/nlvr": run_classes, "albef/pretrain_nlvr": run_assignment, "albef/vqa": run_vqa}
