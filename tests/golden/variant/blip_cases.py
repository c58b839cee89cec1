# SPDX-License-Identifier: Apache-2.0
"""Training steps of BLIP."""
import autograd.numpy as np
import numpy

from variant.network import bert, classes, dense, embed, feature, reads, reads_both, softmax, unseen, vit, word_logits
from variant.training import (adamw, begin, contrast, cross_entropy, differentiate, enqueue, features, labels_of, match, one_hot, part,
                              results, starting_with, teach, text_states, word_losses)


def multimodal(w, ids, mask, cross, s, see=unseen):
    p = "text_encoder."
    return bert(w, p, embed(w, p, ids, s), s, mask, range(s["layers"]), cross, False, see)


def decoder_logits(w, ids, mask, cross, s):
    p = "text_decoder."
    h = bert(w, p + "bert.", embed(w, p + "bert.", ids, s), s, mask, range(s["layers"]), cross, True)
    return word_logits(w, p, h, s)


def matched(w, see, x, s, images):
    """Matching as in training: texts are read anew, with [ENC] first."""
    ids, mask = see("itm_input_ids", starting_with(x["input_ids"], s["enc"])), x["attention_mask"]
    fuse = lambda rows, pictures: multimodal(w, ids[rows], mask[rows], reads(w, s, [pictures]), s)
    hidden, loss = match(w, see, images, x["neg_image_index"], x["neg_text_index"], fuse)
    see("itm_hidden_cls", hidden[:, 0])
    return loss


def told(see, x, s, images, ids, labels, w):
    logits = see("logits", decoder_logits(w, ids, x["attention_mask"], reads(w, s, [images]), s))
    return np.sum(word_losses(logits, labels, s["smoothing"])) / numpy.sum(labels[:, 1:] >= 0)


def settings(meta):
    c = meta["configuration"]
    return lambda name, step: c[name][step] if isinstance(c[name], list) else c[name]


def clamp(state, see):
    state["temp"] = see("temp_after_clamp", numpy.clip(state["temp"], 0.001, 0.5))


def run_pretrain(meta, s, w, x, first):
    state, moments, out, n, of = begin(w, first), {}, {}, s["batch"], settings(meta)
    for step in range(meta["configuration"]["steps"]):
        run, before = "step%d." % (step + 1), {}
        y = part(x, run)
        clamp(state, before.setdefault)
        taught = teach(state, first, before.setdefault, y, s, s["momentum"], numpy.eye(n, n + s["queue"]), of("alpha", step))

        def forward(w, see):
            images, _, image, text = features(w, see, y, s)
            sims, ita = contrast(w, see, image, text, taught)
            for way, sim in sims.items():
                see("itm_weights_" + way, (softmax(sim[:, :n]) + 1e-4) * (1 - numpy.eye(n)))
            itm = matched(w, see, y, s, images)
            ids = see("lm_input_ids", starting_with(y["input_ids"], s["bos"]))
            labels = see("lm_labels", labels_of(ids, y["attention_mask"]))
            lm = see("loss_lm", told(lambda name, v: see("lm_" + name, v), y, s, images, ids, labels, w))
            return see("loss", ita + itm + lm)

        seen, g, _ = differentiate(forward, state, first)
        enqueue(state, taught, "queue_ptr")
        adamw(state, g, moments, of("lr", step), lambda *_: meta["configuration"]["weight_decay"], step + 1)
        out.update(results(run, {**before, **seen}, g, None, state, first))
    return out


def run_retrieval(meta, s, w, x, first):
    state, seen, ids, n = begin(w, first), {}, x["idx"], s["batch"]
    clamp(state, seen.setdefault)
    same = (ids[:, None] == numpy.concatenate([ids, state["idx_queue"][0]])[None]).astype(float)
    hard = same / numpy.sum(same, 1, keepdims=True)
    seen["sim_targets"] = hard
    taught = teach(state, first, seen.setdefault, x, s, s["momentum"], hard, meta["configuration"]["alpha"])

    def forward(w, see):
        images, _, image, text = features(w, see, x, s)
        _, ita = contrast(w, see, image, text, taught)
        for way, sim in (("i2t", np.dot(image, text.T)), ("t2i", np.dot(text, image.T))):
            see("itm_weights_" + way, softmax(see("sim_%s_online" % way, sim / w["temp"])) * (1 - same[:, :n]))
        return see("loss", ita + matched(w, see, x, s, images))

    more, g, _ = differentiate(forward, state, first)
    enqueue(state, taught, "ptr_queue", ids)
    return results("", {**seen, **more}, g, None, state, first)


def run_caption(meta, s, w, x, first):
    state = begin(w, first)

    def forward(w, see):
        images = see("image_embeds", vit(w, "visual_encoder.", x["images"], s))
        ids = see("decoder_input_ids", starting_with(x["input_ids"], s["bos"]))
        labels = labels_of(ids, x["attention_mask"])
        labels[:, : s["prompt"]] = -100
        return see("loss", told(see, x, s, images, ids, see("labels", labels), w))

    seen, g, _ = differentiate(forward, state, first)
    adamw(state, g, {}, meta["configuration"]["lr"], lambda *_: meta["configuration"]["weight_decay"], 1)
    return results("", seen, g, None, state, first)


def run_vqa(meta, s, w, x, first):
    def forward(w, see):
        images = see("image_embeds", vit(w, "visual_encoder.", x["images"], s))
        ids = see("question_ids_fed", starting_with(x["question_input_ids"], s["enc"]))
        states = see("question_states", multimodal(w, ids, x["question_attention_mask"], reads(w, s, [images]), s))
        of = numpy.repeat(numpy.arange(len(ids)), x["answers_per_question"])
        asked = see("decoder_encoder_attention_mask", x["question_attention_mask"][of])
        fed = see("answer_ids_fed", starting_with(x["answer_input_ids"], s["bos"]))
        labels = see("labels", labels_of(fed, x["answer_attention_mask"]))
        logits = see("answer_logits", decoder_logits(w, fed, x["answer_attention_mask"], reads(w, s, [states[of]], [asked]), s))
        losses = see("loss_per_answer", np.sum(word_losses(logits, labels, s["smoothing"]), 1))
        return see("loss", np.sum(x["answer_weights"].astype(float) * losses) / len(ids))

    seen, g, _ = differentiate(forward, begin(w, first), first)
    return results("", seen, g)


def run_nlvr(meta, s, w, x, first):
    def forward(w, see):
        images, n = see("image_embeds", vit(w, "visual_encoder.", x["images"], s)), len(x["targets"])
        ids = see("fed_input_ids", starting_with(x["input_ids"], s["enc"]))
        layers = lambda name, v: see("layer_output.%d" % (int(name.split(".")[1]) - 1), v) if name != "states.0" else v
        h = multimodal(w, ids, x["attention_mask"], reads_both(w, s, [images[:n], images[n:]]), s, layers)
        prediction = see("prediction", classes(w, "cls_head", see("hidden_cls", h[:, 0])))
        return see("loss", np.mean(cross_entropy(prediction, one_hot(x["targets"], 2))))

    seen, g, _ = differentiate(forward, begin(w, first), first)
    return results("", seen, g)


def run_itm_head(meta, s, w, x, first):
    def forward(w, see):
        images, mask = see("image_embeds", vit(w, "visual_encoder.", x["images"], s)), x["attention_mask"]
        text = see("text_hidden", text_states(w, x, s))
        image, text = see("image_feat", feature(w, "vision_proj", images)), see("text_feat", feature(w, "text_proj", text))
        see("itc_similarity", np.dot(image, text.T))
        hidden = multimodal(w, x["input_ids"], mask, reads(w, s, [images]), s)
        see("itm_logits", dense(w, "itm_head", hidden[:, 0]))
        cross = reads(w, s, [images], None, lambda name, v: see("enc_" + name, v))
        hidden = see("multimodal_hidden_enc", multimodal(w, starting_with(x["input_ids"], s["enc"]), mask, cross, s))
        logits = see("itm_logits_enc", dense(w, "itm_head", hidden[:, 0]))
        return np.sum(logits[:, 1])

    maps = ["enc_cross_attention.%d" % i for i in range(s["layers"])]
    seen, _, by = differentiate(forward, begin(w, first), first, maps)
    return {**seen, **{k.replace("attention.", "attention_grad."): v for k, v in by.items()}}


CASES = {"blip/pretrain": run_pretrain, "blip/caption-train": run_caption, "blip/vqa-train": run_vqa, "blip/retrieval": run_retrieval,
         "blip/nlvr": run_nlvr, "blip/itm-head": run_itm_head}
