# SPDX-License-Identifier: Apache-2.0
"""The whole of a pre-training model: towers, heads, momentum copies, queues. Still no forward pass.

BLIP: encoder and decoder share everything but self-attention (with its norm); losses ITC, ITM, LM.
ALBEF: one BERT, layers from 6 on read the image, MLM head; losses ITC, ITM, MLM.
"""
import torch
from torch import nn

from towers import Sizes, TextTower, TokenHead, VisionTower

BASE = {
    "blip": Sizes(image=224),
    "albef": Sizes(image=256, cross_from=6, types=2, vocabulary=30522, queue=65536, text_limit=25, pad_to_limit=False),
}
_tiny = dict(patch=8, vision_width=40, vision_heads=4, vision_depth=3, vision_hidden=72, text_width=48, text_heads=3,
             text_layers=4, text_hidden=88, positions=40, embed=16, queue=64, words=120, cls=5, sep=6, mask=7)
TINY = {
    "blip": Sizes(image=32, vocabulary=122, dec=120, enc=121, **_tiny),
    "albef": Sizes(image=40, vocabulary=120, cross_from=2, types=2, text_limit=25, pad_to_limit=False, **_tiny),
}
MOMENTUM = 0.995
DECAY = {"blip": 0.05, "albef": 0.02}
# Counts of the published models; a full-size model of ours must have as many.
TRAINABLE = {"blip": 252_441_919, "albef": 209_937_725}
MOMENTUM_COPY = {"blip": 223_450_880, "albef": 209_936_186}


class PretrainingModel(nn.Module):
    def __init__(self, family, sizes, idle_momentum=True):
        """idle_momentum: the copy holds cross-attention weights even where no momentum pass reads them (BLIP)."""
        super().__init__()
        self.family, self.sizes = family, sizes
        self.vision = VisionTower(sizes)
        self.vision_proj = nn.Linear(sizes.vision_width, sizes.embed)
        self.text = TextTower(sizes)
        self.text_proj = nn.Linear(sizes.text_width, sizes.embed)
        self.itm_head = nn.Linear(sizes.text_width, 2)
        self.head = TokenHead(sizes)
        self.temperature = nn.Parameter(torch.tensor(0.07))
        copied = {"vision": VisionTower(sizes), "vision_proj": nn.Linear(sizes.vision_width, sizes.embed),
                  "text_proj": nn.Linear(sizes.text_width, sizes.embed)}
        if family == "blip":
            self.decoder = TextTower(sizes)
            tie(self.text, self.decoder)
            copied["text"] = TextTower(sizes, None if idle_momentum else sizes.text_layers)
        else:
            copied["text"], copied["head"] = TextTower(sizes), TokenHead(sizes)
        self.momentum = nn.ModuleDict(copied).requires_grad_(False)
        for queue in ("image_queue", "text_queue"):
            self.register_buffer(queue, nn.functional.normalize(torch.randn(sizes.embed, sizes.queue), dim=0))
        self.pointer = 0

    def trainable(self):
        return [p for p in self.parameters() if p.requires_grad]

    def momentum_pairs(self):
        """[(online, momentum)], in the order of the copy."""
        online = dict(self.named_parameters(remove_duplicate=False))
        return [(online[name], p) for name, p in self.momentum.named_parameters()]

    @torch.no_grad()
    def copy_to_momentum(self):
        for online, copy in self.momentum_pairs():
            copy.copy_(online)

    @torch.no_grad()
    def enqueue(self, image, text):
        """The oldest columns give way. As published, the batch must divide the queue."""
        end = self.pointer + len(image)
        if self.sizes.queue % len(image):
            raise ValueError(f"a queue of {self.sizes.queue} does not hold whole batches of {len(image)}")
        self.image_queue[:, self.pointer : end] = image.t()
        self.text_queue[:, self.pointer : end] = text.t()
        self.pointer = end % self.sizes.queue


def tie(encoder, decoder):
    """The encoder uses the decoder's tables, cross-attention and feed-forward; its self-attention stays its own."""
    encoder.words, encoder.positions, encoder.norm = decoder.words, decoder.positions, decoder.norm
    for mine, other in zip(encoder.layers, decoder.layers):
        mine.cross, mine.up, mine.down, mine.norm = other.cross, other.up, other.down, other.norm


def optimiser(model, fused, rate=1e-4):
    """AdamW. BLIP decays everything; ALBEF spares what has one dimension."""
    decay = DECAY[model.family]
    spared = [p for p in model.trainable() if model.family == "albef" and p.dim() == 1]
    others = [p for p in model.trainable() if not any(p is s for s in spared)]
    groups = [{"params": others, "weight_decay": decay}] + ([{"params": spared, "weight_decay": 0.0}] if spared else [])
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8, fused=fused, foreach=False)
