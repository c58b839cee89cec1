# SPDX-License-Identifier: Apache-2.0
"""The same losses with the savings that somebody who knows PyTorch well would make; published.py is the yardstick.

Packed texts; scaled_dot_product_attention; image keys and values projected once and shared by matching and decoding;
one matching batch of 3B; heads, and the last layer's queries, only where something is read; no momentum work thrown
away; queues are read in place and change after the backward pass; momentum update as one list operation.
"""
import torch
import torch.nn.functional as F

from batch import mask_words
from packed_rows import PackedRows
from pretraining_model import MOMENTUM
from towers import at_least_single


def vision(tower, images, first_only=False):
    """[B, 3, S, S] to [B, tokens, W], or to [B, W] of the class token when nothing else is read."""
    x = tower.patches(images).flatten(2).transpose(1, 2)
    x = torch.cat([tower.cls.expand(len(x), -1, -1), x], 1) + tower.positions
    for block in tower.blocks[: len(tower.blocks) - first_only]:
        q, k, v = block.qkv(block.norm1(x)).unflatten(-1, (3, tower.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + block.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        x = x + block.down(F.gelu(block.up(block.norm2(x))))
    return _class_token(tower, x) if first_only else tower.norm(x)


def _class_token(tower, x):
    """The last block for the class token alone: it needs every key and value, but one query."""
    block, width = tower.blocks[-1], x.shape[-1]
    normed = block.norm1(x)
    weight, bias = block.qkv.weight, block.qkv.bias
    q = F.linear(normed[:, :1], weight[:width], bias[:width]).unflatten(-1, (tower.heads, -1)).transpose(1, 2)
    k, v = F.linear(normed, weight[width:], bias[width:]).unflatten(-1, (2, tower.heads, -1)).permute(2, 0, 3, 1, 4)
    x = x[:, 0] + block.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(1))
    return tower.norm(x + block.down(F.gelu(block.up(block.norm2(x)))))


def project(tower, states):
    """Keys and values [B, heads, tokens, d] of the images for each layer that reads them: once per image and step."""
    split = lambda x: x.unflatten(-1, (tower.heads, -1)).transpose(1, 2)
    blocks = [layer.cross for layer in tower.layers]
    return [block and (split(block.key(states)), split(block.value(states))) for block in blocks]


def of_images(projected, images):
    """The projections in another order of images; indices repeat an image without projecting it again."""
    return [pair and tuple(x.index_select(0, images) for x in pair) for pair in projected]


def _read(block, x, packed, keys, values, visible, heads, drop, causal=False):
    q = packed.spread(block.query(x), heads)
    mixed = F.scaled_dot_product_attention(q, keys, values, attn_mask=visible, dropout_p=drop, is_causal=causal)
    return block.norm(F.dropout(block.dense(packed.collect(mixed)), drop) + x)


def embed(tower, ids, packed, drop):
    x = tower.words(ids) + tower.positions(packed.position)
    if tower.types is not None:
        x = x + tower.types.weight[0]
    return F.dropout(tower.norm(x), drop)


def text(tower, x, packed, drop, context=None, causal=False, layers=slice(None), wanted=None):
    """x: ids [rows] or states [rows, W]; context: projections by layer; wanted: (rows, their packing) that are read
    later, so the last layer asks for no others. A causal text needs no mask for padding: it stands behind every query.
    """
    x = embed(tower, x, packed, drop) if x.dim() == 1 else x
    chosen = list(enumerate(tower.layers))[layers]
    asking = packed
    for i, layer in chosen:
        block = layer.attention
        keys, values = packed.spread(block.key(x), tower.heads), packed.spread(block.value(x), tower.heads)
        if wanted is not None and i == chosen[-1][0]:
            x, asking = x.index_select(0, wanted[0]), wanted[1]
        x = _read(block, x, asking, keys, values, None if causal else packed.visible, tower.heads, drop, causal)
        if context is not None and context[i] is not None:
            x = _read(layer.cross, x, asking, *context[i], None, tower.heads, drop)
        x = layer.norm(F.dropout(layer.down(F.gelu(layer.up(x))), drop) + x)
    return x


def logits(head, tower, rows):
    return at_least_single(F.linear(head.norm(F.gelu(head.dense(rows))), tower.words.weight, head.bias))


def feature(projection, first):
    return F.normalize(at_least_single(projection(first)), dim=-1)


@torch.no_grad()
def update_momentum(model):
    online, copies = zip(*model.momentum_pairs())
    torch._foreach_lerp_(list(copies), list(online), 1.0 - MOMENTUM)


def _similarity(model, mine, batch_features, queue):
    return at_least_single(torch.cat([mine @ batch_features.t(), mine @ queue], 1)) / model.temperature


def contrast(model, image, words, image_m, words_m, alpha):
    """Loss and the similarities inside the batch, [B, B] each."""
    loss, inside = 0.0, []
    for online, teacher, targets, queue in ((image, image_m, words_m, model.text_queue),
                                            (words, words_m, image_m, model.image_queue)):
        with torch.no_grad():
            soft = _similarity(model, teacher, targets, queue).softmax(1).mul_(alpha)
            soft.diagonal().add_(1 - alpha)
        scores = _similarity(model, online, targets, queue)
        loss = loss + F.cross_entropy(scores, soft) / 2
        inside.append(scores.detach()[:, : len(scores)])
    return loss, *inside


@torch.no_grad()
def draw_negatives(model, i2t, t2i):
    """(image for text b, text for image b), a row each of one draw."""
    floor = 1e-4 if model.family == "blip" else 0.0
    return tuple(torch.multinomial((s.softmax(1) + floor).fill_diagonal_(0), 1).squeeze(1) for s in (t2i, i2t))


def matching_pairs(packed, negatives):
    """3B pairs (own, another image, another text): rows of the texts, their packing, image of each pair."""
    for_text, for_image = (torch.as_tensor(n) for n in negatives)
    own = torch.arange(len(for_text))
    rows, pairs = packed.take(torch.cat([own, own, for_image]))
    return rows, pairs, torch.cat([own, for_text, own])


def matching(model, firsts):
    labels = torch.zeros(len(firsts), dtype=torch.long)
    labels[: len(firsts) // 3] = 1
    return F.cross_entropy(at_least_single(model.itm_head(firsts)), labels)


def blip(model, batch, alpha, drop):
    model.temperature.data.clamp_(0.001, 0.5)
    packed, ids = PackedRows(batch.lengths), batch.ids[batch.attended]
    states = vision(model.vision, batch.images)
    image = feature(model.vision_proj, states[:, 0])
    words = feature(model.text_proj, text(model.text, ids, packed, drop, wanted=packed.firsts()))
    with torch.no_grad():
        update_momentum(model)
        copy = model.momentum
        image_m = feature(copy.vision_proj, vision(copy.vision, batch.images, first_only=True))
        words_m = feature(copy.text_proj, text(copy.text, ids, packed, drop, wanted=packed.firsts()))
    itc, i2t, t2i = contrast(model, image, words, image_m, words_m, alpha)

    projected = project(model.decoder, states)  # the encoder's cross-attention is the same one
    rows, pairs, images = matching_pairs(packed, batch.negatives or draw_negatives(model, i2t, t2i))
    first = packed.begin
    fused = text(model.text, ids.index_fill(0, first, model.sizes.enc)[rows], pairs, drop, of_images(projected, images),
                 wanted=pairs.firsts())
    itm = matching(model, fused)

    told = text(model.decoder, ids.index_fill(0, first, model.sizes.dec), packed, drop, projected, causal=True)
    before = packed.with_successor()
    scores = logits(model.head, model.decoder, told.index_select(0, before))
    lm = F.cross_entropy(scores, ids[before + 1], label_smoothing=0.1)
    return {"itc": itc, "itm": itm, "lm": lm}, (image_m, words_m)


def albef(model, batch, alpha, drop):
    model.temperature.data.clamp_(0.001, 0.5)
    split, copy = model.sizes.cross_from, model.momentum
    packed, ids = PackedRows(batch.lengths), batch.ids[batch.attended]
    states = vision(model.vision, batch.images)
    image = feature(model.vision_proj, states[:, 0])
    told = text(model.text, ids, packed, drop, layers=slice(split))
    words = feature(model.text_proj, told.index_select(0, packed.begin))
    with torch.no_grad():
        update_momentum(model)
        states_m = vision(copy.vision, batch.images)
        image_m = feature(copy.vision_proj, states_m[:, 0])
        told_m = text(copy.text, ids, packed, drop, layers=slice(split), wanted=packed.firsts())
        words_m = feature(copy.text_proj, told_m)
    itc, i2t, t2i = contrast(model, image, words, image_m, words_m, alpha)

    projected = project(model.text, states)
    rows, pairs, images = matching_pairs(packed, batch.negatives or draw_negatives(model, i2t, t2i))
    fused = text(model.text, told.index_select(0, rows), pairs, drop, of_images(projected, images),
                 layers=slice(split, None), wanted=pairs.firsts())
    itm = matching(model, fused)

    ids, labels = (x[batch.attended] for x in (batch.masked or mask_words(batch.ids, model.sizes)))
    labelled = packed.chosen((labels >= 0).nonzero().squeeze(1))
    with torch.no_grad():
        taught = text(copy.text, ids, packed, drop, project(copy.text, states_m), wanted=labelled)
        soft = logits(copy.head, copy.text, taught).softmax(-1)
    scores = logits(model.head, model.text, text(model.text, ids, packed, drop, projected, wanted=labelled))
    hard = F.cross_entropy(scores, labels[labelled[0]])
    mlm = (1 - alpha) * hard + alpha * F.cross_entropy(scores, soft)
    return {"itc": itc, "itm": itm, "mlm": mlm}, (image_m, words_m)


def step_losses(model, batch, alpha=0.4, drop=0.1):
    """The losses by name, and what is to enqueue after the backward pass."""
    return (blip if model.family == "blip" else albef)(model, batch, alpha, drop)
