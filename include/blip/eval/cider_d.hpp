// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "blip/eval/ngrams.hpp"

namespace blip::inline BLIP_ABI {

// CIDEr-D. With g_n the vector of a caption's n-grams, each weighted by how often it occurs and by
//   log(images) - log(max(1, images whose references have it)),
// a caption c scores, over n = 1 ... 4 and its references r,
//   10 mean_n mean_r exp(-(l_c - l_r)^2 / (2 6^2)) min(g_n(c), g_n(r)) g_n(r) / (|g_n(c)| |g_n(r)|),
// l the number of bigrams. Document frequencies come from the references of one set; others may be judged by them.
// Throws shape_error without a caption or a reference. Source: Vedantam et al. 2015; pycocoevalcap.
class cider_d {
 public:
  explicit cider_d(std::span<const caption_case> corpus) : log_images_(std::log(static_cast<double>(corpus.size()))) {
    require_references(corpus, "cider_d");
    for (const caption_case& c : corpus) {
      std::array<std::map<std::string, int>, longest_ngram> seen;
      for (const word_list& r : c.references) {
        ngram_counts counts = count_ngrams(r);
        for (std::size_t n = 0; n < seen.size(); ++n) seen[n].merge(counts[n]);
      }
      for (std::size_t n = 0; n < seen.size(); ++n)
        for (const auto& [ngram, count] : seen[n]) ++images_[n][ngram];
    }
  }

  double score(const caption_case& c) const {
    require_references({&c, 1}, "cider_d");
    const weighted mine = weigh(c.candidate);
    double sum = 0;
    for (const word_list& r : c.references) sum += similarity(mine, weigh(r));
    return 10 * sum / static_cast<double>(c.references.size());
  }
  // The mean over a set.
  double score(std::span<const caption_case> cases) const {
    require_references(cases, "cider_d");
    double sum = 0;
    for (const caption_case& c : cases) sum += score(c);
    return sum / static_cast<double>(cases.size());
  }

 private:
  struct weighted {
    std::array<std::map<std::string, double>, longest_ngram> weights;
    std::array<double, longest_ngram> norms{};
    double bigrams = 0;
  };

  weighted weigh(const word_list& words) const {
    weighted out;
    const ngram_counts counts = count_ngrams(words);
    for (std::size_t n = 0; n < counts.size(); ++n) {
      double squares = 0;
      for (const auto& [ngram, count] : counts[n]) {
        const auto at = images_[n].find(ngram);
        const double frequency = at == images_[n].end() ? 1 : at->second;
        const double w = count * (log_images_ - std::log(frequency));
        out.weights[n].emplace(ngram, w);
        squares += w * w;
        if (n == 1) out.bigrams += count;
      }
      out.norms[n] = std::sqrt(squares);
    }
    return out;
  }

  static double similarity(const weighted& mine, const weighted& theirs) {
    constexpr double sigma = 6;
    const double off = mine.bigrams - theirs.bigrams;
    double sum = 0;
    for (std::size_t n = 0; n < mine.weights.size(); ++n) {
      double product = 0;
      for (const auto& [ngram, w] : mine.weights[n])
        if (const auto at = theirs.weights[n].find(ngram); at != theirs.weights[n].end())
          product += std::min(w, at->second) * at->second;  // clipped: repeating an n-gram does not pay
      const double norms = mine.norms[n] * theirs.norms[n];
      sum += norms == 0 ? product : product / norms;
    }
    return sum / longest_ngram * std::exp(-off * off / (2 * sigma * sigma));
  }

  double log_images_;
  std::array<std::map<std::string, int>, longest_ngram> images_;  // in how many images an n-gram occurs
};

}  // namespace blip::inline BLIP_ABI
