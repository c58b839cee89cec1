// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/arch.cuh"
#include "blip/backend/types.hpp"

// Activations and their slopes, as reference/scalar.hpp writes them.
namespace blip::inline BLIP_ABI::gpu {

__device__ inline float normal_mass(float x) { return 0.5f * (1.0f + erff(x * 0.70710678118654752f)); }

__device__ inline float activated(activation a, float x) {
  switch (a) {
    case activation::gelu:
      return x * normal_mass(x);
    case activation::relu:
      return x > 0 ? x : 0.0f;
    case activation::tanh:
      return tanhf(x);
    case activation::none:
      break;
  }
  return x;
}

__device__ inline float slope_of(activation a, float x) {
  switch (a) {
    case activation::gelu:
      return normal_mass(x) + x * expf(-0.5f * x * x) * 0.39894228040143268f;
    case activation::relu:
      return x > 0 ? 1.0f : 0.0f;
    case activation::tanh: {
      const float y = tanhf(x);
      return 1.0f - y * y;
    }
    case activation::none:
      break;
  }
  return 1.0f;
}

struct activated_value {
  in x;
  activation act;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a = load<V>(x.row(r) + c);
    for (int i = 0; i < V; ++i) a.v[i] = activated(act, a.v[i]);
    store<V>(y.row(r) + c, a);
  }
};

}  // namespace blip::inline BLIP_ABI::gpu
