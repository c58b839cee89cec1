// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <span>

#include "blip/eval/ngrams.hpp"

namespace blip::inline BLIP_ABI {

// BLEU-1 to BLEU-4.
using bleu_scores = std::array<double, longest_ngram>;

namespace detail {

// What BLEU adds up over captions.
struct bleu_sums {
  std::array<long long, longest_ngram> guesses{}, matches{};
  long long length = 0, reference_length = 0;

  void add(const caption_case& c) {
    const auto mine = static_cast<long long>(c.candidate.size());
    ngram_counts most;  // of each n-gram in any one reference
    long long closest = static_cast<long long>(c.references.front().size());
    for (const word_list& r : c.references) {
      const ngram_counts counts = count_ngrams(r);
      for (std::size_t n = 0; n < most.size(); ++n)
        for (const auto& [ngram, count] : counts[n]) most[n][ngram] = std::max(most[n][ngram], count);
      const auto theirs = static_cast<long long>(r.size());
      const long long off = std::abs(theirs - mine), best = std::abs(closest - mine);
      if (off < best || (off == best && theirs < closest)) closest = theirs;
    }
    length += mine, reference_length += closest;
    const ngram_counts counts = count_ngrams(c.candidate);
    for (std::size_t n = 0; n < most.size(); ++n) {
      guesses[n] += std::max(0LL, mine - static_cast<long long>(n));
      for (const auto& [ngram, count] : counts[n])
        if (const auto at = most[n].find(ngram); at != most[n].end()) matches[n] += std::min(count, at->second);
    }
  }

  bleu_scores scores() const {
    constexpr double small = 1e-9, tiny = 1e-15;  // the reference's, so that nothing is divided by zero
    const double ratio = (static_cast<double>(length) + tiny) / (static_cast<double>(reference_length) + small);
    const double brevity = ratio < 1 ? std::exp(1 - 1 / ratio) : 1;
    bleu_scores out{};
    double product = 1;
    for (std::size_t n = 0; n < out.size(); ++n) {
      product *= (static_cast<double>(matches[n]) + tiny) / (static_cast<double>(guesses[n]) + small);
      out[n] = std::pow(product, 1.0 / static_cast<double>(n + 1)) * brevity;
    }
    return out;
  }
};

}  // namespace detail

// BLEU of a set of captions: with p_n the share of n-grams that occur in a reference, each counted at most as often as
// in the reference that has most of it,
//   BLEU-N = min(1, exp(1 - r / c)) (p_1 ... p_N)^(1/N),
// c the number of words and r that of the closest references (the shorter one of two). Throws shape_error without a
// caption or a reference. Source: Papineni et al. 2002; pycocoevalcap, option "closest".
inline bleu_scores bleu(std::span<const caption_case> cases) {
  require_references(cases, "bleu");
  detail::bleu_sums sums;
  for (const caption_case& c : cases) sums.add(c);
  return sums.scores();
}

}  // namespace blip::inline BLIP_ABI
