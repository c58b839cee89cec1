// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/ops/int_array.hpp"

namespace blip::inline BLIP_ABI::ops {

// Draws, for every row of scores [n, m], `rule.draws` different candidates with weights softmax(scores_r) + epsilon, never
// an excluded one: indices [draws, n] in back-end memory, alive as long as the tape's record. The draw of row r has the
// address (scope, rule.first + r). A row whose weights all vanish draws evenly among what is not excluded. No gradient.
// Source: ALBEF section 3.1 (hard negatives for image-text matching).
template <class T>
const int* hard_negatives(T& t, const scores<T>& similarity, const negative_rule& rule) {
  using B = typename T::backend_type;
  if (similarity.width() <= rule.draws)
    throw shape_error({"ops::hard_negatives: candidates", "more than " + std::to_string(rule.draws),
                       std::to_string(similarity.width()), "a pair needs another one in its batch; use larger batches"});
  int* const index = kept_ints(t, rule.draws * similarity.rows());
  const random_site at{t.options().seed, t.device().step(), mix(t.options().scope, 0x4e454741u)};
  kernels<B>::sample_negatives(t.device(), similarity.view(), rule, at, index);
  return index;
}

}  // namespace blip::inline BLIP_ABI::ops
