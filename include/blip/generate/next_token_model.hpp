// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <span>
#include <vector>

#include "blip/core/matrix_view.hpp"

namespace blip::inline BLIP_ABI {

// What a sampler needs of a model: the logits of the next token, for many sequences at a time, in host memory.
//
//   scalar                          of the logits
//   vocabulary()                    ids are 0 ... vocabulary() - 1
//   positions()                     no sequence may be longer, prompt included
//   start(prompts, rows, tokens)    begins sequence i with prompts[i] (not empty); gives [prompts, vocabulary]. At most
//                                   `rows` sequences will live at a time, and each will grow by at most `tokens`
//   step(parents, tokens)           row r goes on from what was row parents[r], with tokens[r]; several rows may have
//                                   one parent (beams, samples), a row that nobody names is over; gives
//                                   [rows, vocabulary]
//
// What a call gives is valid until the next one. Sequence i reads what the model holds for it (its picture).
template <class M>
concept next_token_model = requires(M& m, const M& c, std::span<const std::vector<int>> prompts, int n,
                                    std::span<const int> rows) {
  typename M::scalar;
  { c.vocabulary() } -> std::convertible_to<int>;
  { c.positions() } -> std::convertible_to<int>;
  { m.start(prompts, n, n) } -> std::same_as<matrix_view<const typename M::scalar>>;
  { m.step(rows, rows) } -> std::same_as<matrix_view<const typename M::scalar>>;
};

// The best tokens of each row, best first, of equal ones the first.
template <class S>
struct token_ranking {
  struct row {
    std::span<const S> logits;
    std::span<const int> tokens;
    double log_sum;  // log of the sum of exponentials of all logits
  };

  std::size_t count = 0;       // of each row
  const S* logits = nullptr;   // [rows, count]
  const int* tokens = nullptr;
  const double* log_sums = nullptr;

  row of(int r) const {
    const std::size_t first = static_cast<std::size_t>(r) * count;
    return {{logits + first, count}, {tokens + first, count}, log_sums[r]};
  }
};

// A model that can leave most logits where they are.
//
//   rank(count)   from the next start on calls give ranking() in place of logits (an empty matrix); 0, or false as the
//                 answer: logits as ever
//   ranking()     of the last call
//   row(r)        all logits of a row of it
template <class M>
concept ranking_model = next_token_model<M> && requires(M& m, int n) {
  { m.rank(n) } -> std::same_as<bool>;
  { m.ranking() } -> std::same_as<token_ranking<typename M::scalar>>;
  { m.row(n) } -> std::same_as<std::span<const typename M::scalar>>;
};

}  // namespace blip::inline BLIP_ABI
