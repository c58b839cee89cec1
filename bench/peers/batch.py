# SPDX-License-Identifier: Apache-2.0
"""What a step reads: random pixels, random texts of given lengths, and the choices that a test may fix."""
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass
class Batch:
    images: torch.Tensor  # [B, 3, S, S]
    ids: torch.Tensor  # [B, T], padded with 0
    lengths: list  # [B]
    negatives: tuple = None  # (image for text b, text for image b); None: drawn in the step
    masked: tuple = None  # (masked ids [B, T], labels [B, T] with -100); None: drawn in the step (ALBEF)

    @property
    def attended(self):
        return torch.arange(self.ids.shape[1])[None, :] < torch.tensor(self.lengths)[:, None]


def read_lengths(path=None):
    path = Path(path) if path else Path(__file__).with_name("caption_lengths.txt")
    return [int(word) for line in path.read_text().splitlines() if not line.startswith("#") for word in line.split()]


def draw_batch(sizes, lengths, dtype=torch.float32):
    """Texts are [CLS] words [SEP]; a longer one is cut to the limit, as a tokenizer does."""
    lengths = [min(n, sizes.text_limit) for n in lengths]
    width = sizes.text_limit if sizes.pad_to_limit else max(lengths)
    ids = torch.zeros(len(lengths), width, dtype=torch.long)
    lowest = sizes.mask + 1
    for row, n in zip(ids, lengths):
        row[:n] = torch.randint(lowest, sizes.words, (n,))
        row[0], row[n - 1] = sizes.cls, sizes.sep
    return Batch(torch.randn(len(lengths), 3, sizes.image, sizes.image, dtype=dtype), ids, lengths)


def mask_words(ids, sizes):
    """15 % of the positions that are neither padding nor [CLS]: 80 % [MASK], 10 % a random word, 10 % unchanged."""
    chosen = (torch.rand(ids.shape) < 0.15) & (ids != 0) & (ids != sizes.cls)
    labels = ids.masked_fill(~chosen, -100)
    replaced = chosen & (torch.rand(ids.shape) < 0.8)
    random = chosen & ~replaced & (torch.rand(ids.shape) < 0.5)
    masked = ids.masked_fill(replaced, sizes.mask)
    return torch.where(random, torch.randint(sizes.vocabulary, ids.shape), masked), labels
