// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/losses/tower_pass.hpp"
#include "blip/losses/word_targets.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/ops/scale.hpp"

namespace blip::inline BLIP_ABI {

// Ranks have different numbers of words to predict. own_rank: each takes the mean over its own ones, as the published
// code does, so that a word counts more on a rank with fewer. all_ranks: every word counts the same, and N ranks with
// batches of B compute what one with a batch of N B does.
enum class mean_over { own_rank, all_ranks };

// The loss of a rank's predicted words, x [n, 1], such that the mean over the ranks is what `over` says:
//   own_rank: sum x / n;  all_ranks: ranks sum x / (sum of all ranks' n).  0 without words. The gradient adds.
template <class P, class T = typename P::tape_type>
var<T, 1> mean_of_words(P& pass, const var<T, 1>& x, const word_targets<typename P::B>& words, mean_over over) {
  const auto own = ops::mean_labelled(pass.tape, x, words.labels.data());
  const int ranks = pass.ranks.ranks();
  if (over == mean_over::own_rank || ranks == 1) return own;
  double all = 0;
  for (const int n : pass.ranks.of_all(words.count)) all += n;
  return all > 0 ? ops::scale(pass.tape, own, static_cast<double>(words.count) * ranks / all) : own;
}

}  // namespace blip::inline BLIP_ABI
