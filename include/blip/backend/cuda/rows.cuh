// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/activation.cuh"
#include "blip/backend/cuda/add_by_key.cuh"
#include "blip/backend/cuda/dropout.cuh"
#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/rows.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

struct residual_value {
  in x, branch;
  sequence_layout layout;
  dropout_spec drop;
  out y;

  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> b = load<V>(branch.row(r) + c);
    if (x.data) {
      const pack<V> a = load<V>(x.row(r) + c);
      for (int i = 0; i < V; ++i) b.v[i] += a.v[i];
    }
    store<V>(y.row(r) + c, b);
  }
  template <int V>
  __device__ void row(int r, int s, int position) const {
    const auto place = static_cast<std::uint32_t>(layout.position0(s) + position);
    for (int c = lane() * V; c < branch.width; c += lanes * V) {
      pack<V> b = load<V>(branch.row(r) + c);
      const pack<V> f = dropout_factors<V>(drop, layout.stream(s), place, c);
      for (int i = 0; i < V; ++i) b.v[i] *= f.v[i];
      if (x.data) {
        const pack<V> a = load<V>(x.row(r) + c);
        for (int i = 0; i < V; ++i) b.v[i] += a.v[i];
      }
      store<V>(y.row(r) + c, b);
    }
  }
};

struct residual_gradient {
  in dy;
  sequence_layout layout;
  dropout_spec drop;
  grad dx, dbranch;

  template <int V>
  __device__ void at(int r, int c) const {
    const pack<V> b = load<V>(dy.row(r) + c);
    if (dx) put<V>(dx, r, c, b);
    if (dbranch) put<V>(dbranch, r, c, b);
  }
  template <int V>
  __device__ void row(int r, int s, int position) const {
    const auto place = static_cast<std::uint32_t>(layout.position0(s) + position);
    for (int c = lane() * V; c < dy.width; c += lanes * V) {
      pack<V> b = load<V>(dy.row(r) + c);
      if (dx) put<V>(dx, r, c, b);
      if (!dbranch) continue;
      const pack<V> f = dropout_factors<V>(drop, layout.stream(s), place, c);
      for (int i = 0; i < V; ++i) b.v[i] *= f.v[i];
      put<V>(dbranch, r, c, b);
    }
  }
};

struct scaled_value {
  in x;
  float factor;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a = load<V>(x.row(r) + c);
    for (int i = 0; i < V; ++i) a.v[i] *= factor;
    store<V>(y.row(r) + c, a);
  }
};
struct scaled_gradient {
  in dy;
  float factor;
  grad dx;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a = load<V>(dy.row(r) + c);
    for (int i = 0; i < V; ++i) a.v[i] *= factor;
    put<V>(dx, r, c, a);
  }
};

struct clamped {
  out x;
  float low, high;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a = load<V>(x.row(r) + c);
    for (int i = 0; i < V; ++i) a.v[i] = a.v[i] < low ? low : a.v[i] > high ? high : a.v[i];
    store<V>(x.row(r) + c, a);
  }
};

struct gathered {
  in x;
  const int* index;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    store<V>(y.row(r) + c, index[r] < 0 ? pack<V>{} : load<V>(x.row(index[r]) + c));
  }
};
struct scattered {
  in x;
  const int* index;
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    if (index[r] >= 0) store<V>(y.row(index[r]) + c, load<V>(x.row(r) + c));
  }
};
struct scattered_gradient {
  const int* index;
  in dy;
  grad dx;
  template <int V>
  __device__ void at(int r, int c) const {
    put<V>(dx, r, c, index[r] < 0 ? pack<V>{} : load<V>(dy.row(index[r]) + c));
  }
};

constexpr float smallest_norm = 1e-12f;

struct unit_row {
  in x;
  out y, norms;
  template <int V>
  __device__ void row(int r) const {
    float squares = 0;
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      const pack<V> a = load<V>(x.row(r) + c);
      for (int i = 0; i < V; ++i) squares += a.v[i] * a.v[i];
    }
    const float norm = most(sqrtf(warp_sum(squares)), smallest_norm);
    for (int c = lane() * V; c < x.width; c += lanes * V) {
      pack<V> a = load<V>(x.row(r) + c);
      for (int i = 0; i < V; ++i) a.v[i] /= norm;
      store<V>(y.row(r) + c, a);
    }
    if (norms.data && lane() == 0) norms(r, 0) = norm;
  }
};
struct unit_row_gradient {
  in y, norms, dy;
  grad dx;
  template <int V>
  __device__ void row(int r) const {
    const float norm = norms(r, 0);
    float dot = 0;
    for (int c = lane() * V; c < y.width; c += lanes * V) {
      const pack<V> a = load<V>(y.row(r) + c), b = load<V>(dy.row(r) + c);
      for (int i = 0; i < V; ++i) dot += a.v[i] * b.v[i];
    }
    dot = norm > smallest_norm ? warp_sum(dot) : 0.0f;
    for (int c = lane() * V; c < y.width; c += lanes * V) {
      const pack<V> a = load<V>(y.row(r) + c);
      pack<V> b = load<V>(dy.row(r) + c);
      for (int i = 0; i < V; ++i) b.v[i] = (b.v[i] - a.v[i] * dot) / norm;
      put<V>(dx, r, c, b);
    }
  }
};

}  // namespace gpu

extern "C" {

// Without dropout every live row; with dropout sequence by sequence, because the addresses ask for it.
void blip_cuda_residual(device<cuda>&, matrix_view<const float> x, matrix_view<const float> branch,
                        const sequence_layout& l, const dropout_spec& drop, matrix_view<float> y) {
  const gpu::residual_value f{x, branch, l, drop, y};
  const bool four = gpu::four_wide(x, branch, y);
  if (drop.active())
    gpu::sequences_by_warps(f, l, four);
  else
    gpu::each(f, branch.rows, branch.live, branch.width, four);
}
void blip_cuda_residual_vjp(device<cuda>&, matrix_view<const float> dy, const sequence_layout& l,
                            const dropout_spec& drop, gradient_view<float> dx, gradient_view<float> dbranch) {
  if (!dx && !dbranch) return;
  const gpu::residual_gradient f{dy, l, drop, dx, dbranch};
  const bool four = gpu::four_wide(dy, dx, dbranch);
  if (drop.active())
    gpu::sequences_by_warps(f, l, four);
  else
    gpu::each(f, dy.rows, dy.live, dy.width, four);
}

void blip_cuda_activate(device<cuda>&, matrix_view<const float> x, activation act, matrix_view<float> y) {
  gpu::each(gpu::activated_value{x, act, y}, x.rows, x.live, x.width, gpu::four_wide(x, y));
}
void blip_cuda_scale(device<cuda>&, matrix_view<const float> x, double factor, matrix_view<float> y) {
  gpu::each(gpu::scaled_value{x, static_cast<float>(factor), y}, x.rows, x.live, x.width, gpu::four_wide(x, y));
}
void blip_cuda_scale_vjp(device<cuda>&, matrix_view<const float> dy, double factor, gradient_view<float> dx) {
  if (dx)
    gpu::each(gpu::scaled_gradient{dy, static_cast<float>(factor), dx}, dy.rows, dy.live, dy.width,
              gpu::four_wide(dy, dx));
}
void blip_cuda_clamp(device<cuda>&, matrix_view<float> x, double low, double high) {
  gpu::each(gpu::clamped{x, static_cast<float>(low), static_cast<float>(high)}, x.rows, nullptr, x.width,
            gpu::four_wide(x));
}

void blip_cuda_gather_rows(device<cuda>&, matrix_view<const float> x, const int* index, matrix_view<float> y) {
  gpu::each(gpu::gathered{x, index, y}, y.rows, y.live, y.width, gpu::four_wide(x, y));
}
void blip_cuda_gather_rows_vjp(device<cuda>&, const int* index, matrix_view<const float> dy, gradient_view<float> dx) {
  if (dx) gpu::add_by_key(index, dy, dx);
}
void blip_cuda_scatter_rows(device<cuda>&, matrix_view<const float> x, const int* index, matrix_view<float> y) {
  gpu::each(gpu::scattered{x, index, y}, x.rows, x.live, x.width, gpu::four_wide(x, y));
}
void blip_cuda_scatter_rows_vjp(device<cuda>&, const int* index, matrix_view<const float> dy, gradient_view<float> dx) {
  if (dx) gpu::each(gpu::scattered_gradient{index, dy, dx}, dx.rows, dx.live, dx.width, gpu::four_wide(dy, dx));
}
void blip_cuda_copy_columns(device<cuda>& d, matrix_view<const float> x, matrix_view<float> y) {
  blip_cuda_residual(d, {}, x, {}, {}, y);
}
void blip_cuda_copy_columns_vjp(device<cuda>& d, matrix_view<const float> dy, gradient_view<float> dx) {
  blip_cuda_residual_vjp(d, dy, {}, {}, dx, {});
}

void blip_cuda_l2_normalize(device<cuda>&, matrix_view<const float> x, matrix_view<float> y, matrix_view<float> norms) {
  gpu::rows_by_warps(gpu::unit_row{x, y, norms}, x.rows, x.live, gpu::four_wide(x, y));
}
void blip_cuda_l2_normalize_vjp(device<cuda>&, matrix_view<const float> y, matrix_view<const float> norms,
                                matrix_view<const float> dy, gradient_view<float> dx) {
  if (dx) gpu::rows_by_warps(gpu::unit_row_gradient{y, norms, dy, dx}, dy.rows, dy.live, gpu::four_wide(y, dy, dx));
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
