# SPDX-License-Identifier: Apache-2.0
"""The forward pass as the published code does it: the work that the library is measured against.

Padded texts and additive masks, every row through the heads, image states repeated for the negatives and projected
again in each pass, attention out of plain products, two matching passes (B and 2B), the whole momentum towers.
"""
import math

import torch
import torch.nn.functional as F

from batch import mask_words
from pretraining_model import MOMENTUM
from towers import at_least_single


def _split(x, heads):
    return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)


def _mix(query, key, value, bias, drop):
    """softmax(q kᵀ / sqrt(d) + bias) v; [S, heads, T, d] to [S, T, W]."""
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    weights = F.dropout((scores if bias is None else scores + bias).softmax(-1), drop)
    return (weights @ value).transpose(1, 2).flatten(2)


def vision(tower, images):
    """[B, 3, S, S] to [B, tokens, W]."""
    x = tower.patches(images).flatten(2).transpose(1, 2)
    x = torch.cat([tower.cls.expand(len(x), -1, -1), x], 1) + tower.positions
    for block in tower.blocks:
        q, k, v = (_split(part, tower.heads) for part in block.qkv(block.norm1(x)).chunk(3, -1))
        x = x + block.proj(_mix(q, k, v, None, 0.0))
        x = x + block.down(F.gelu(block.up(block.norm2(x))))
    return tower.norm(x)


def _attend(block, x, context, bias, heads, drop):
    q = _split(block.query(x), heads)
    k, v = _split(block.key(context), heads), _split(block.value(context), heads)
    return block.norm(F.dropout(block.dense(_mix(q, k, v, bias, drop)), drop) + x)


def embed(tower, ids, drop):
    x = tower.words(ids) + tower.positions.weight[: ids.shape[1]]
    if tower.types is not None:
        x = x + tower.types.weight[0]
    return F.dropout(tower.norm(x), drop)


def text(tower, x, attended, drop, image=None, causal=False, layers=slice(None)):
    """x: ids [S, T] or states [S, T, W]; image: states [S, tokens, W] or None for the text mode."""
    x = embed(tower, x, drop) if x.dim() == 2 else x
    seen = attended[:, None, None, :]
    if causal:
        seen = seen & torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    bias = (~seen).to(torch.float32) * -10000.0
    everywhere = None if image is None else torch.zeros(image.shape[0], 1, 1, image.shape[1])
    for layer in tower.layers[layers]:
        x = _attend(layer.attention, x, x, bias, tower.heads, drop)
        if image is not None and layer.cross is not None:
            x = _attend(layer.cross, x, image, everywhere, tower.heads, drop)
        x = layer.norm(F.dropout(layer.down(F.gelu(layer.up(x))), drop) + x)
    return x


def logits(head, tower, states):
    return at_least_single(F.linear(head.norm(F.gelu(head.dense(states))), tower.words.weight, head.bias))


def feature(projection, states):
    return F.normalize(at_least_single(projection(states[:, 0])), dim=-1)


@torch.no_grad()
def update_momentum(model):
    for online, copy in model.momentum_pairs():
        copy.data = copy.data * MOMENTUM + online.data * (1.0 - MOMENTUM)


def contrast(model, image, words, image_m, words_m, alpha):
    """Loss and the two similarity matrices [B, B + queue]."""
    with torch.no_grad():
        all_images = torch.cat([image_m.t(), model.image_queue.clone()], 1)
        all_texts = torch.cat([words_m.t(), model.text_queue.clone()], 1)
        teacher_i2t = at_least_single(image_m @ all_texts) / model.temperature
        teacher_t2i = at_least_single(words_m @ all_images) / model.temperature
        hard = torch.zeros_like(teacher_i2t).fill_diagonal_(1)
        target_i2t = alpha * teacher_i2t.softmax(1) + (1 - alpha) * hard
        target_t2i = alpha * teacher_t2i.softmax(1) + (1 - alpha) * hard
    i2t = at_least_single(image @ all_texts) / model.temperature
    t2i = at_least_single(words @ all_images) / model.temperature
    loss_i2t = -(i2t.log_softmax(1) * target_i2t).sum(1).mean()
    loss_t2i = -(t2i.log_softmax(1) * target_t2i).sum(1).mean()
    model.enqueue(image_m, words_m)
    return (loss_i2t + loss_t2i) / 2, i2t, t2i


@torch.no_grad()
def draw_negatives(model, i2t, t2i):
    """Row by row, as published: (image for text b, text for image b)."""
    floor = 1e-4 if model.family == "blip" else 0.0
    chosen = []
    for scores in (t2i, i2t):
        weights = scores[:, : len(scores)].softmax(1) + floor
        weights.fill_diagonal_(0)
        chosen.append([torch.multinomial(row, 1).item() for row in weights])
    return tuple(chosen)


def matching(model, positive, negative):
    """positive, negative: states [S, T, W] of pairs that belong together, and that do not."""
    scores = at_least_single(model.itm_head(torch.cat([positive[:, 0], negative[:, 0]])))
    labels = torch.cat([torch.ones(len(positive), dtype=torch.long), torch.zeros(len(negative), dtype=torch.long)])
    return F.cross_entropy(scores, labels)


def features(model, batch, drop, layers):
    """Online states and features, the momentum update, momentum states and features."""
    model.temperature.data.clamp_(0.001, 0.5)
    states = vision(model.vision, batch.images)
    image = feature(model.vision_proj, states)
    told = text(model.text, batch.ids, batch.attended, drop, layers=layers)
    words = feature(model.text_proj, told)
    with torch.no_grad():
        update_momentum(model)
        states_m = vision(model.momentum.vision, batch.images)
        image_m = feature(model.momentum.vision_proj, states_m)
        told_m = text(model.momentum.text, batch.ids, batch.attended, drop, layers=layers)
        words_m = feature(model.momentum.text_proj, told_m)
    return states, image, told, words, states_m, image_m, words_m


def repeat_for_negatives(batch, texts, states, negatives):
    """2B pairs: (text b, another image), (another text, image b)."""
    for_text, for_image = negatives
    other_images = torch.stack([states[i] for i in for_text])
    other_texts = torch.stack([texts[i] for i in for_image])
    other_attended = torch.stack([batch.attended[i] for i in for_image])
    return (torch.cat([texts, other_texts]), torch.cat([batch.attended, other_attended]),
            torch.cat([other_images, states]))


def blip(model, batch, alpha, drop):
    states, image, _, words, _, image_m, words_m = features(model, batch, drop, slice(None))
    itc, i2t, t2i = contrast(model, image, words, image_m, words_m, alpha)

    ids = batch.ids.clone()
    ids[:, 0] = model.sizes.enc
    positive = text(model.text, ids, batch.attended, drop, states)
    negatives = batch.negatives or draw_negatives(model, i2t, t2i)
    negative = text(model.text, *_pairs(batch, ids, states, negatives, drop))
    itm = matching(model, positive, negative)

    ids = batch.ids.clone()
    ids[:, 0] = model.sizes.dec
    labels = ids.masked_fill(~batch.attended, -100)
    scores = logits(model.head, model.decoder, text(model.decoder, ids, batch.attended, drop, states, causal=True))
    scores = scores[:, :-1].contiguous()
    lm = F.cross_entropy(scores.flatten(0, 1), labels[:, 1:].flatten(), label_smoothing=0.1, ignore_index=-100)
    return {"itc": itc, "itm": itm, "lm": lm}


def albef(model, batch, alpha, drop):
    split = model.sizes.cross_from
    states, image, told, words, states_m, image_m, words_m = features(model, batch, drop, slice(split))
    itc, i2t, t2i = contrast(model, image, words, image_m, words_m, alpha)

    fusion = slice(split, None)
    positive = text(model.text, told, batch.attended, drop, states, layers=fusion)
    negatives = batch.negatives or draw_negatives(model, i2t, t2i)
    negative = text(model.text, *_pairs(batch, told, states, negatives, drop), layers=fusion)
    itm = matching(model, positive, negative)

    ids, labels = batch.masked or mask_words(batch.ids, model.sizes)
    with torch.no_grad():
        taught = text(model.momentum.text, ids, batch.attended, drop, states_m)
        soft = logits(model.momentum.head, model.momentum.text, taught).softmax(-1)
    scores = logits(model.head, model.text, text(model.text, ids, batch.attended, drop, states))
    hard = F.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=-100)
    distilled = -(scores.log_softmax(-1) * soft).sum(-1)
    mlm = (1 - alpha) * hard + alpha * distilled[labels != -100].mean()
    return {"itc": itc, "itm": itm, "mlm": mlm}


def _pairs(batch, texts, states, negatives, drop):
    texts, attended, images = repeat_for_negatives(batch, texts, states, negatives)
    return texts, attended, drop, images


def step_losses(model, batch, alpha=0.4, drop=0.1):
    """The losses by name, and what is left to enqueue after the backward pass: nothing."""
    return (blip if model.family == "blip" else albef)(model, batch, alpha, drop), None
