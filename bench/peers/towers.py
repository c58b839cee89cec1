# SPDX-License-Identifier: Apache-2.0
"""The towers' parameters: a vision transformer and a BERT with cross-attention. No forward pass stands here.

published.py and expert.py compute with the same parameters, so that one state dict serves both.
Linear weights are [out, in]; `qkv` holds all queries, then all keys, then all values, each head by head.
"""
import math
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Sizes:
    """Everything that decides the size of a model and of its texts."""

    image: int
    patch: int = 16
    vision_width: int = 768
    vision_heads: int = 12
    vision_depth: int = 12
    vision_hidden: int = 3072
    text_width: int = 768
    text_heads: int = 12
    text_layers: int = 12
    text_hidden: int = 3072
    cross_from: int = 0  # first layer that owns a cross-attention
    types: int = 0  # rows of the token-type table, 0 for none
    vocabulary: int = 30524
    words: int = 30522  # ids that a random text may use; special ids of the model lie at and above it
    positions: int = 512
    embed: int = 256
    queue: int = 57600
    text_limit: int = 30
    pad_to_limit: bool = True  # published code pads to the limit (BLIP) or to the longest text of the batch (ALBEF)
    cls: int = 101
    sep: int = 102
    mask: int = 103
    dec: int = 30522
    enc: int = 30523

    @property
    def tokens(self):
        return (self.image // self.patch) ** 2 + 1


class VisionBlock(nn.Module):
    """x + proj(attention(norm1(x))), then x + down(gelu(up(norm2(x))))."""

    def __init__(self, width, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)


class VisionTower(nn.Module):
    """ViT, pre-norm; all tokens leave it after the last norm."""

    def __init__(self, sizes):
        super().__init__()
        width = sizes.vision_width
        self.heads = sizes.vision_heads
        self.patches = nn.Conv2d(3, width, sizes.patch, sizes.patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, sizes.tokens, width))
        self.blocks = nn.ModuleList(VisionBlock(width, sizes.vision_hidden) for _ in range(sizes.vision_depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)


class Attention(nn.Module):
    """norm(dense(attention(query(x), key(context), value(context))) + x)."""

    def __init__(self, width, context):
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(context, width)
        self.value = nn.Linear(context, width)
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)


class TextLayer(nn.Module):
    """Self-attention, perhaps cross-attention, feed-forward: each ends in a norm of its own (post-norm)."""

    def __init__(self, sizes, cross):
        super().__init__()
        self.attention = Attention(sizes.text_width, sizes.text_width)
        self.cross = Attention(sizes.text_width, sizes.vision_width) if cross else None
        self.up = nn.Linear(sizes.text_width, sizes.text_hidden)
        self.down = nn.Linear(sizes.text_hidden, sizes.text_width)
        self.norm = nn.LayerNorm(sizes.text_width, eps=1e-12)


class TextTower(nn.Module):
    """BERT; layers from `cross_from` on can read an image."""

    def __init__(self, sizes, cross_from=None):
        super().__init__()
        first = sizes.cross_from if cross_from is None else cross_from
        self.heads = sizes.text_heads
        self.words = nn.Embedding(sizes.vocabulary, sizes.text_width, padding_idx=0)
        self.positions = nn.Embedding(sizes.positions, sizes.text_width)
        self.types = nn.Embedding(sizes.types, sizes.text_width) if sizes.types else None
        self.norm = nn.LayerNorm(sizes.text_width, eps=1e-12)
        self.layers = nn.ModuleList(TextLayer(sizes, i >= first) for i in range(sizes.text_layers))


class TokenHead(nn.Module):
    """logits = norm(gelu(dense(h))) wordsᵀ + bias, with the word table of a text tower."""

    def __init__(self, sizes):
        super().__init__()
        self.dense = nn.Linear(sizes.text_width, sizes.text_width)
        self.norm = nn.LayerNorm(sizes.text_width, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(sizes.vocabulary))


def at_least_single(x):
    """Losses and normalised features are not computed in bf16."""
    return x.float() if x.dtype == torch.bfloat16 else x


def initialise(model, std=0.02, everything=False):
    """Normal weights (std None: 1/sqrt(fan in), 0.05 for tables), biases 0, norms 1 and 0.

    everything: biases and norms random too, so that a comparison of two variants sees an error in any of them.
    """
    with torch.no_grad():
        for name, p in model.named_parameters():
            parents = name.split(".")[:-1]
            if p.dim() > 1:
                table = any(part in name for part in ("words", "positions", "types", "cls"))
                p.normal_(0, std or (0.05 if table else 1 / math.sqrt(p[0].numel())))
            elif p.dim() == 1:
                scale = parents[-1].startswith("norm") and name.endswith("weight")
                p.fill_(1.0 if scale else 0.0)
                if everything:
                    p.add_(0.1 * torch.randn_like(p))
