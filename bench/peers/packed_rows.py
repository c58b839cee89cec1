# SPDX-License-Identifier: Apache-2.0
"""A ragged batch without padding: [rows, W] for everything but attention, [sequences, longest] for attention alone."""
import torch


class PackedRows:
    """lengths: rows of each sequence, some perhaps 0."""

    def __init__(self, lengths):
        self.lengths = torch.as_tensor(lengths)
        self.longest = max(1, int(self.lengths.max()))
        self.begin = self.lengths.cumsum(0) - self.lengths
        steps = torch.arange(self.longest)
        filled = steps[None, :] < self.lengths[:, None]
        self.uniform = bool(filled.all())
        self.slot_of_row = filled.flatten().nonzero().squeeze(1)
        # An empty slot shows row 0: as a key it is masked, as a query nobody reads it, so no gradient comes back.
        self.row_of_slot = torch.where(filled, self.begin[:, None] + steps, 0).flatten()
        self.position = self.slot_of_row % self.longest
        self.visible = None if self.uniform else filled[:, None, None, :]

    def spread(self, x, heads):
        """[rows, W] to [sequences, heads, longest, W / heads]."""
        x = x if self.uniform else x.index_select(0, self.row_of_slot)
        return x.view(len(self.lengths), self.longest, heads, -1).transpose(1, 2)

    def collect(self, x):
        """The way back."""
        x = x.transpose(1, 2).flatten(2).flatten(0, 1)
        return x if self.uniform else x.index_select(0, self.slot_of_row)

    def take(self, sequences):
        """(rows of those sequences, their packing): a batch put together anew."""
        packed = PackedRows(self.lengths[sequences])
        return self.begin[sequences].repeat_interleave(packed.lengths) + packed.position, packed

    def firsts(self):
        """(first row of each sequence, their packing)."""
        return self.begin, PackedRows(torch.ones_like(self.lengths))

    def chosen(self, rows):
        """(rows, their packing) for some rows in ascending order."""
        sequence = torch.bucketize(rows, self.begin, right=True) - 1
        return rows, PackedRows(torch.bincount(sequence, minlength=len(self.lengths)))

    def with_successor(self):
        """Every row but the last of each sequence: those that predict one."""
        ends = self.begin + self.lengths - 1
        return torch.ones(len(self.position), dtype=torch.bool).index_fill(0, ends, False).nonzero().squeeze(1)
