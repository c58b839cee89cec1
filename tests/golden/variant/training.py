# SPDX-License-Identifier: Apache-2.0
"""What every training case is made of: tied parameters, gradients, the moving average, AdamW, queues and losses."""
import re
import autograd.numpy as np
import numpy
from autograd import grad

from variant.network import bert, dense, embed, feature, softmax, vit


def ties(names, s):
    """Which names stand for the tensor of another: later name -> first name."""
    first = {}
    for n in sorted(k for k in names if not k.endswith("position_ids")):
        of = n
        if n.startswith("text_decoder.bert.") and s["shares_decoder"] and ".attention." not in n:
            of = n.replace("text_decoder.bert.", "text_encoder.")
        if n.endswith("cls.predictions.decoder.weight"):
            of = n.replace("cls.predictions.decoder", "bert.embeddings.word_embeddings")
            if s["shares_decoder"]:
                of = "text_encoder.embeddings.word_embeddings.weight"
        if n.endswith("cls.predictions.decoder.bias"):
            of = n.replace("decoder.bias", "bias")
        layer = re.search(r"layer\.(\d+)\.crossattention\.self\.(key|value)", n)
        if layer and s["shares_pairs"]:  # two layers, one picture each, see both by the same projections
            i = int(layer[1])
            of = n.replace("layer.%d." % i, "layer.%d." % (i - (i - s["cross_from"]) % 2))
        if of != n:
            first[n] = of
    return first


class Weights:
    """Parameters by any of their names; notes which ones were asked for."""

    def __init__(self, values, first):
        self.values, self.first, self.asked = values, first, set()

    def __getitem__(self, name):
        name = self.first.get(name, name)
        self.asked.add(name)
        return self.values[name]

    def __contains__(self, name):
        return self.first.get(name, name) in self.values


def begin(w, first):
    """The state of a model: each tensor once, in double precision."""
    return {k: v.astype(float) if v.dtype.kind == "f" else v for k, v in w.items() if k not in first}


def differentiate(forward, state, first, wanted=()):
    """forward(w, see) -> loss: all it shows, and its gradients by the parameters it asks for and by results in `wanted`."""
    seen, w = {}, Weights(state, first)

    def note(name, value):
        seen[name] = value
        return value

    forward(w, note)
    reached = {k: state[k] for k in sorted(w.asked)}
    zeros = {k: numpy.zeros_like(seen[k]) for k in wanted}

    def loss(values, added):
        return forward(Weights(values, first), lambda name, v: v + added[name] if name in zeros else v)

    g, by = grad(lambda both: loss(both[0], both[1]))((reached, zeros))
    return seen, g, by


def results(run, seen, g, by=None, after=None, first=None):
    """What a run stores, with its prefix; the state afterwards under all names."""
    out = {run + k: v for k, v in seen.items()}
    out.update({run + "grad." + k: v for k, v in g.items()})
    out.update({run + "act_grad." + k: v for k, v in (by or {}).items()})
    if after is not None:
        out.update({run + "after." + k: v for k, v in after.items()})
        out.update({run + "after." + k: after[v] for k, v in first.items()})
    return out


def average(state, first, momentum):
    """The momentum copies (name_m) a step closer to what they copy."""
    for k in state:
        part = k.split(".")[0]
        if part.endswith("_m"):
            online = k.replace(part, part[:-2], 1)
            state[k] = momentum * state[k] + (1 - momentum) * state[first.get(online, online)]


def adamw(state, g, moments, lr, decay, step, betas=(0.9, 0.999), eps=1e-8):
    """decay(name, value): the weight decay of a parameter."""
    for k, d in g.items():
        m, v = moments.get(k, (0.0, 0.0))
        m, v = betas[0] * m + (1 - betas[0]) * d, betas[1] * v + (1 - betas[1]) * d * d
        moments[k] = m, v
        p = state[k] * (1 - lr * decay(k, state[k]))
        state[k] = p - lr / (1 - betas[0] ** step) * m / (numpy.sqrt(v) / numpy.sqrt(1 - betas[1] ** step) + eps)


def log_softmax(x):
    x = x - np.max(x, -1, keepdims=True)
    return x - np.log(np.sum(np.exp(x), -1, keepdims=True))


def cross_entropy(logits, targets):
    """By rows, against a distribution."""
    return -np.sum(targets * log_softmax(logits), -1)


def one_hot(labels, n):
    return numpy.eye(n)[numpy.maximum(labels, 0)]


def word_losses(logits, labels, smoothing):
    """Of every word predicted by the row before it [B, T - 1], 0 where no label is."""
    y, n = labels[:, 1:], logits.shape[-1]
    return cross_entropy(logits[:, :-1], (1 - smoothing) * one_hot(y, n) + smoothing / n) * (y >= 0)


def labels_of(ids, mask):
    return numpy.where(mask > 0, ids, -100)


def starting_with(ids, first):
    return numpy.concatenate([numpy.full_like(ids[:, :1], first), ids[:, 1:]], 1)


def part(x, prefix):
    """The inputs of a run: its own, else the shared ones."""
    return {**x, **{k[len(prefix) :]: v for k, v in x.items() if prefix and k.startswith(prefix)}}


def text_states(w, x, s, m=""):
    p = "text_encoder%s.%s" % (m, s["bert"])
    return bert(w, p, embed(w, p, x["input_ids"], s), s, x["attention_mask"], range(s["alone"]))


def features(w, see, x, s, m=""):
    """States and features of pictures and texts; m "_m": of the momentum model."""
    images = see("image_embeds" + m, vit(w, "visual_encoder%s." % m, x["images"], s))
    text = see(s["text_states"] + m, text_states(w, x, s, m))
    image = see("image_feat" + m, feature(w, "vision_proj" + m, images))
    return images, text, image, see("text_feat" + m, feature(w, "text_proj" + m, text))


def teach(state, first, see, x, s, momentum, hard, alpha):
    """The momentum model's part of the contrastive loss, which gets no gradient. alpha None: hard targets only."""
    average(state, first, momentum)
    w, temp = Weights(state, first), state["temp"]
    images, _, image, text = features(w, see, x, s, "_m")
    columns = {"i2t": see("text_feat_all", numpy.concatenate([text.T, state["text_queue"]], 1)),
               "t2i": see("image_feat_all", numpy.concatenate([image.T, state["image_queue"]], 1))}
    targets = {}
    for way, f in (("i2t", image), ("t2i", text)):
        targets[way] = hard
        if alpha is not None:
            sim = see("sim_%s_m" % way, np.dot(f, columns[way]) / temp)
            targets[way] = see("sim_%s_targets" % way, alpha * softmax(sim) + (1 - alpha) * hard)
    return {"images": images, "image": image, "text": text, "columns": columns, "targets": targets}


def contrast(w, see, image, text, taught):
    sims, losses = {}, {}
    for way, f in (("i2t", image), ("t2i", text)):
        sims[way] = see("sim_" + way, np.dot(f, taught["columns"][way]) / w["temp"])
        losses[way] = see("loss_" + way, np.mean(cross_entropy(sims[way], taught["targets"][way])))
    return sims, see("loss_ita", (losses["i2t"] + losses["t2i"]) / 2)


def enqueue(state, taught, pointer, ids=None):
    size, n = state["image_queue"].shape[1], len(taught["image"])
    at = (int(state[pointer][0]) + numpy.arange(n)) % size
    for k, v in (("image_queue", taught["image"].T), ("text_queue", taught["text"].T), ("idx_queue", ids)):
        if v is not None:
            state[k] = state[k].copy()
            state[k][:, at] = v
    state[pointer] = (state[pointer] + n) % size


def match(w, see, images, chosen_images, chosen_texts, fuse):
    """Pairs, then (text, another picture), then (another text, picture). fuse(text rows, pictures): the states of pairs."""
    n = images.shape[0]
    own = numpy.arange(n)
    hidden = fuse(numpy.concatenate([own, own, chosen_texts]), images[numpy.concatenate([own, chosen_images, own])])
    logits = see("itm_logits", dense(w, "itm_head", hidden[:, 0]))
    labels = see("itm_labels", (numpy.arange(3 * n) < n).astype(int))
    return hidden, see("loss_itm", np.mean(cross_entropy(logits, one_hot(labels, 2))))
