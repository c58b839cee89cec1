// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "blip/eval/bleu.hpp"
#include "blip/eval/cider_d.hpp"
#include "blip/eval/rouge_l.hpp"

namespace blip::inline BLIP_ABI {

struct caption_scores {
  bleu_scores bleu{};
  double rouge_l = 0, cider_d = 0;
};

// All metrics of a set of captions; CIDEr-D takes its document frequencies from the set's references. Throws
// shape_error without a caption or a reference.
inline caption_scores score_captions(std::span<const caption_case> cases) {
  return {bleu(cases), rouge_l(cases), cider_d(cases).score(cases)};
}

}  // namespace blip::inline BLIP_ABI
