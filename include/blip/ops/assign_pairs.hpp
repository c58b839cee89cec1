// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/autograd/tape.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/ops/int_array.hpp"

namespace blip::inline BLIP_ABI::ops {

// Which two pictures each of n texts reads: label 0 its own and the first negative, 1 the first negative and its own, 2
// both negatives.  labels [n], negatives [2, n] as hard_negatives gives them, result [2 n]: the first pictures of all
// texts, then the second ones; alive as long as the tape's record. Source: `model_pretrain_nlvr.py`.
template <class T>
const int* assign_pairs(T& t, const int* labels, const int* negatives, int n) {
  int* const pictures = kept_ints(t, 2 * n);
  kernels<typename T::backend_type>::assign_pairs(t.device(), labels, negatives, n, pictures);
  return pictures;
}

}  // namespace blip::inline BLIP_ABI::ops
