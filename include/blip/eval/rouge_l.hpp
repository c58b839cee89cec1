// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "blip/eval/caption_case.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Length of the longest common subsequence.
inline int common_subsequence(const word_list& a, const word_list& b) {
  std::vector<int> row(b.size() + 1, 0);
  for (const auto& word : a) {
    int diagonal = 0;
    for (std::size_t j = 1; j < row.size(); ++j) {
      const int above = row[j];
      row[j] = word == b[j - 1] ? diagonal + 1 : std::max(above, row[j - 1]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace detail

// ROUGE-L of one caption: with P and R the longest common subsequence over the words of the caption and of a reference,
// each the best over the references,
//   (1 + b^2) P R / (R + b^2 P),  b = 1.2.
// Nothing against nothing scores 1. Source: Lin 2004; pycocoevalcap.
inline double rouge_l(const caption_case& c) {
  require_references({&c, 1}, "rouge_l");
  constexpr double beta = 1.2;
  double precision = 0, recall = 0;
  for (const word_list& r : c.references) {
    if (c.candidate.empty() && r.empty()) precision = recall = 1;
    if (c.candidate.empty() || r.empty()) continue;
    const double common = detail::common_subsequence(c.candidate, r);
    precision = std::max(precision, common / static_cast<double>(c.candidate.size()));
    recall = std::max(recall, common / static_cast<double>(r.size()));
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + beta * beta) * precision * recall / (recall + beta * beta * precision);
}

// The mean over a set.
inline double rouge_l(std::span<const caption_case> cases) {
  require_references(cases, "rouge_l");
  double sum = 0;
  for (const caption_case& c : cases) sum += rouge_l(c);
  return sum / static_cast<double>(cases.size());
}

}  // namespace blip::inline BLIP_ABI
