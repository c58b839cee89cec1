// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/memory.hpp"
#include "blip/core/dtype.hpp"

namespace blip::inline BLIP_ABI {

// c [m, n] = a b (+ c) (+ bias [n] in every row), accumulated in fp32. All matrices are row-major; `a` is [m, k], or
// stored as [k, m] when it is transposed, `b` [k, n], or stored as [n, k]. Strides are in elements.
struct cuda_product {
  int m = 0, n = 0, k = 0;
  const void *a = nullptr, *b = nullptr;  // float, or bf16 when `inputs` says so
  float* c = nullptr;
  int a_stride = 0, b_stride = 0, c_stride = 0;
  bool a_transposed = false, b_transposed = false;
  bool accumulate = false;
  const float* bias = nullptr;
  precision inputs = precision::fp32;
};

extern "C" void blip_cuda_multiply(device<cuda>&, const cuda_product&);

}  // namespace blip::inline BLIP_ABI
