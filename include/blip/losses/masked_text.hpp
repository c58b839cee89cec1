// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

#include "blip/core/philox.hpp"
#include "blip/losses/examples.hpp"

namespace blip::inline BLIP_ABI {

struct masking_options {
  double rate = 0.15;     // of the tokens are predicted;
  double masked = 0.8;    // of these become [MASK],
  double random = 0.5;    // of the rest any word of the vocabulary; the others stay
  int mask = 103;
  std::vector<int> never{0, 101};  // [PAD] and [CLS] are never chosen
};

// Texts with some tokens hidden, and what was there (-1: nothing to predict).
struct masked_text {
  std::vector<std::vector<int>> texts, labels;
};

// BERT's masking with addressed random numbers: token i of example b depends on (seed, step, first + b, i) alone.
// Source: Devlin et al. 2019, 3.1; `model_pretrain.py`, mask.
inline masked_text mask_texts(const std::vector<std::vector<int>>& texts, int vocabulary, const masking_options& o,
                              const example_site& where) {
  masked_text out{texts, {}};
  const random_site at{where.seed, &where.step, 0x4d4c4du};
  for (std::size_t b = 0; b < texts.size(); ++b) {
    std::vector<int> labels(texts[b].size(), -1);
    for (std::size_t i = 0; i < texts[b].size(); ++i) {
      const int id = texts[b][i];
      const philox_counter words =
          at.block(static_cast<std::uint32_t>(where.first) + static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(i), 0);
      const auto u = [&](std::size_t k) { return static_cast<double>(to_unit(words[k])); };
      if (u(0) >= o.rate || std::find(o.never.begin(), o.never.end(), id) != o.never.end()) continue;
      labels[i] = id;
      if (u(1) < o.masked)
        out.texts[b][i] = o.mask;
      else if (u(2) < o.random)
        out.texts[b][i] = static_cast<int>(words[3] % static_cast<std::uint32_t>(vocabulary));
    }
    out.labels.push_back(std::move(labels));
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
