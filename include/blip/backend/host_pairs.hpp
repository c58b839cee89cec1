// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "blip/backend/reference/scalar.hpp"
#include "blip/backend/types.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Sampling and index work of back ends in host memory: a few thousand integers a step; contracts in
// blip/backend/kernels.hpp.
template <class B>
struct host_pairs {
  using S = typename B::scalar;
  using in = matrix_view<const S>;

  static void sample_negatives(device<B>&, in scores, const negative_rule& rule, random_site at, int* index) {
    for (int r = 0; r < scores.rows; ++r) {
      double top = -1e300, sum = 0;
      for (int c = 0; c < scores.width; ++c) top = std::fmax(top, score(scores, r, c));
      for (int c = 0; c < scores.width; ++c) sum += std::exp(score(scores, r, c) - top);
      const auto weight = [&](int c, int draw) {
        if (rule.excludes(r, c)) return 0.0;
        for (int k = 0; k < draw; ++k)
          if (index[k * scores.rows + r] == c) return 0.0;
        return std::exp(score(scores, r, c) - top) / sum + rule.epsilon;
      };
      for (int draw = 0; draw < rule.draws; ++draw) {
        double mass = 0;
        for (int c = 0; c < scores.width; ++c) mass += weight(c, draw);
        // A row whose every candidate has underflowed falls back to equal weights; one without candidates to its neighbour.
        const bool equal = !(mass > 0);
        const auto weigh = [&](int c) { return equal ? rule.excludes(r, c) ? 0.0 : 1.0 : weight(c, draw); };
        if (equal)
          for (int c = 0; c < scores.width; ++c) mass += weigh(c);
        double rest = mass * static_cast<double>(at.uniform(static_cast<std::uint32_t>(rule.first + r),
                                                            static_cast<std::uint32_t>(draw), 0));
        int chosen = mass > 0 ? -1 : (rule.first + r + 1) % scores.width;
        for (int c = 0; c < scores.width && mass > 0; ++c) {
          const double w = weigh(c);
          if (w <= 0) continue;
          chosen = c;
          if (rest < w) break;
          rest -= w;
        }
        index[draw * scores.rows + r] = chosen;
      }
    }
  }

  static void matching_pairs(device<B>&, const sequence_layout& texts, int first, int pairs, const int* negative_image,
                             const int* negative_text, const pair_arrays& to) {
    int next = 0;
    for (int s = 0; s < 3 * pairs; ++s) {
      const int b = s % pairs, text = s < 2 * pairs ? first + b : negative_text[b];
      to.begins[s] = next;
      to.lengths[s] = texts.length(text);
      to.images[s] = s / pairs == 1 ? negative_image[b] : first + b;
      for (int i = 0; i < texts.length(text); ++i) to.rows[next++] = texts.begin(text) + i;
    }
    *to.live = next;
  }

  static void gather_ints(device<B>&, const int* values, const int* index, int n, const int* live, int* to) {
    for (int i = 0; i < (live ? *live : n); ++i) to[i] = values[index[i]];
  }

  static void assign_pairs(device<B>&, const int* labels, const int* negatives, int n, int* pictures) {
    for (int b = 0; b < n; ++b) {
      pictures[b] = labels[b] == 0 ? b : negatives[b];
      pictures[n + b] = labels[b] == 0 ? negatives[b] : labels[b] == 1 ? b : negatives[n + b];
    }
  }

  static void clamp(device<B>&, matrix_view<S> x, double low, double high) {
    for (int r = 0; r < x.rows; ++r)
      for (int c = 0; c < x.width; ++c) {
        if (detail::real_part(x(r, c)) < low) x(r, c) = S(low);
        if (detail::real_part(x(r, c)) > high) x(r, c) = S(high);
      }
  }

 private:
  static double score(in s, int r, int c) { return detail::real_part(s(r, c)); }
};

}  // namespace blip::inline BLIP_ABI
