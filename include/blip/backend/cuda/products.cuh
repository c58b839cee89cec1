// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "blip/backend/cuda/activation.cuh"
#include "blip/backend/cuda/few_rows.hpp"
#include "blip/backend/cuda/gemm.hpp"
#include "blip/backend/cuda/loops.cuh"
#include "blip/backend/cuda/products.hpp"

namespace blip::inline BLIP_ABI {

namespace gpu {

// Copies into [rows, width] without gaps, converts, and writes zeros into rows that are not in use.
template <class T>
struct operand_copy {
  in x;
  T* to;
  template <int V>
  __device__ void at(int r, int c) const {
    const bool used = r < in_use(x.rows, x.live);
    const pack<V> a = used ? load<V>(x.row(r) + c) : pack<V>{};
    T* const at = to + static_cast<std::ptrdiff_t>(r) * x.width + c;
    for (int i = 0; i < V; ++i) at[i] = static_cast<T>(a.v[i]);
  }
};

// A matrix as the products read it: itself, what was packed of it, or a copy in bf16 or without the garbage behind the
// rows in use. `summed`: the product adds its rows up, so that garbage would spread.
class operand {
 public:
  operand(device<cuda>& d, weight_view<float> w, precision p) : operand(d, w.packed ? in{} : w, p, false) {
    if (w.packed && p != precision::bf16) remember("blip: weights packed for bf16, and products of fp32");
    if (w.packed) data_ = w.packed, stride_ = w.width;
  }
  operand(device<cuda>& d, in x, precision p, bool summed) : data_(x.data), stride_(x.stride) {
    const std::size_t size = static_cast<std::size_t>(x.rows) * static_cast<std::size_t>(x.width);
    if (p == precision::bf16)
      copy<bf16>(x, half_.emplace(d, size).data());
    else if (summed && x.live)
      copy<float>(x, single_.emplace(d, size).data());
  }
  const void* data() const { return data_; }
  int stride() const { return stride_; }

 private:
  template <class T>
  void copy(in x, T* to) {
    each(operand_copy<T>{x, to}, x.rows, nullptr, x.width, four_wide(x));
    data_ = to, stride_ = x.width;
  }
  const void* data_;
  int stride_;
  std::optional<scratch<cuda, bf16>> half_;
  std::optional<scratch<cuda, float>> single_;
};

// dy times the activation's slope, 0 in rows that are not in use.
struct slope_value {
  in pre, dy;
  activation act;
  out to;
  template <int V>
  __device__ void at(int r, int c) const {
    pack<V> a{};
    if (r < in_use(dy.rows, dy.live)) {
      a = load<V>(dy.row(r) + c);
      if (act != activation::none) {
        const pack<V> x = load<V>(pre.row(r) + c);
        for (int i = 0; i < V; ++i) a.v[i] *= slope_of(act, x.v[i]);
      }
    }
    store<V>(to.row(r) + c, a);
  }
};

struct column_terms {
  in x;
  __device__ void add(int r, int c, float* sums) const { sums[0] += x(r, c); }
};
struct row_gradient {
  grad to;
  __device__ void put(int c, const float* sums) const { to.put(0, c, sums[0]); }
};

struct divided {
  in x, by;
  in columns;  // whose rows are this one's columns
  out y;
  template <int V>
  __device__ void at(int r, int c) const {
    static_assert(V == 1);
    if (c < in_use(columns.rows, columns.live)) y(r, c) = x(r, c) / by(0, 0);
  }
};
// ds / temperature, 0 outside of what is in use.
struct similarity_slope {
  in ds, by, columns;
  out to;
  template <int V>
  __device__ void at(int r, int c) const {
    static_assert(V == 1);
    const bool used = r < in_use(ds.rows, ds.live) && c < in_use(columns.rows, columns.live);
    to(r, c) = !used ? 0.0f : by.data ? ds(r, c) / by(0, 0) : ds(r, c);
  }
};
struct temperature_terms {
  in s, ds, columns;
  __device__ void add(std::int64_t i, float* sums) const {
    const int r = static_cast<int>(i / s.width), c = static_cast<int>(i % s.width);
    if (r < in_use(ds.rows, ds.live) && c < in_use(columns.rows, columns.live)) sums[0] += ds(r, c) * s(r, c);
  }
};
struct temperature_gradient {
  in by;
  grad to;
  __device__ void put(const float* sums) const { to.put(0, 0, -sums[0] / by(0, 0)); }
};

inline matrix_view<float> dense(float* data, int rows, int width) { return {data, rows, width, width, nullptr}; }

}  // namespace gpu

extern "C" {

void blip_cuda_affine(device<cuda>& d, matrix_view<const float> x, weight_view<float> w, matrix_view<const float> b,
                      activation act, matrix_view<float> y, matrix_view<float> pre) {
  const precision p = d.options().products;
  if (x.rows <= cuda_few_rows::few_rows) return blip_cuda_affine_few(d, x, w, b, act, y, pre);
  const gpu::operand left(d, x, p, false), right(d, w, p);
  const matrix_view<float> to = pre.data ? pre : y;
  blip_cuda_multiply(d, {.m = x.rows,
                         .n = w.rows,
                         .k = w.width,
                         .a = left.data(),
                         .b = right.data(),
                         .c = to.data,
                         .a_stride = left.stride(),
                         .b_stride = right.stride(),
                         .c_stride = to.stride,
                         .b_transposed = true,
                         .bias = b.data,
                         .inputs = p});
  if (act != activation::none || pre.data)
    gpu::each(gpu::activated_value{to, act, y}, y.rows, x.live, y.width, gpu::four_wide(to, y));
}

void blip_cuda_pack_weight(device<cuda>&, matrix_view<const float> w, void* to) {
  gpu::each(gpu::operand_copy<bf16>{w, static_cast<bf16*>(to)}, w.rows, nullptr, w.width, gpu::four_wide(w));
}

void blip_cuda_affine_vjp(device<cuda>& d, matrix_view<const float> x, weight_view<float> w, activation act,
                          matrix_view<const float> pre, matrix_view<const float> dy, gradient_view<float> dx,
                          gradient_view<float> dw, gradient_view<float> db) {
  if (!dx && !dw && !db) return;
  const precision p = d.options().products;
  std::optional<scratch<cuda, float>> slopes;
  matrix_view<const float> slope = dy;
  if (act != activation::none || dy.live) {
    slopes.emplace(d, static_cast<std::size_t>(dy.rows) * static_cast<std::size_t>(dy.width));
    const matrix_view<float> to = gpu::dense(slopes->data(), dy.rows, dy.width);
    gpu::each(gpu::slope_value{pre, dy, act, to}, dy.rows, nullptr, dy.width, gpu::four_wide(pre, dy, to));
    slope = to;
  }
  if (db) gpu::sum_columns<1>(d, gpu::column_terms{slope}, gpu::row_gradient{db}, slope.rows, nullptr, slope.width);
  if (!dx && !dw) return;
  const gpu::operand left(d, slope, p, false);
  if (dx) {
    const gpu::operand right(d, w, p);
    blip_cuda_multiply(d, {.m = dy.rows,
                           .n = w.width,
                           .k = w.rows,
                           .a = left.data(),
                           .b = right.data(),
                           .c = dx.data,
                           .a_stride = left.stride(),
                           .b_stride = right.stride(),
                           .c_stride = dx.stride,
                           .accumulate = dx.accumulate,
                           .inputs = p});
  }
  if (dw) {
    const gpu::operand right(d, x, p, true);
    blip_cuda_multiply(d, {.m = w.rows,
                           .n = w.width,
                           .k = dy.rows,
                           .a = left.data(),
                           .b = right.data(),
                           .c = dw.data,
                           .a_stride = left.stride(),
                           .b_stride = right.stride(),
                           .c_stride = dw.stride,
                           .a_transposed = true,
                           .accumulate = dw.accumulate,
                           .inputs = p});
  }
}

void blip_cuda_similarity(device<cuda>& d, matrix_view<const float> x, matrix_view<const float> y,
                          matrix_view<const float> temperature, matrix_view<float> s) {
  blip_cuda_multiply(d, {.m = x.rows,
                         .n = y.rows,
                         .k = x.width,
                         .a = x.data,
                         .b = y.data,
                         .c = s.data,
                         .a_stride = x.stride,
                         .b_stride = y.stride,
                         .c_stride = s.stride,
                         .b_transposed = true});
  if (temperature.data) gpu::each_number(gpu::divided{s, temperature, y, s}, s.rows, s.width, x.live);
}

void blip_cuda_similarity_vjp(device<cuda>& d, matrix_view<const float> x, matrix_view<const float> y,
                              matrix_view<const float> temperature, matrix_view<const float> s,
                              matrix_view<const float> ds, gradient_view<float> dx, gradient_view<float> dy,
                              gradient_view<float> dtemperature) {
  if (dx || dy) {
    const scratch<cuda, float> slopes(d, static_cast<std::size_t>(ds.rows) * static_cast<std::size_t>(ds.width));
    const matrix_view<float> slope = gpu::dense(slopes.data(), ds.rows, ds.width);
    matrix_view<const float> used = ds;
    used.live = x.live;
    gpu::each_number(gpu::similarity_slope{used, temperature, y, slope}, ds.rows, ds.width);
    const auto multiply = [&](bool transposed, matrix_view<const float> other, const gradient_view<float>& to) {
      const gpu::operand right(d, other, precision::fp32, true);
      blip_cuda_multiply(d, {.m = to.rows,
                             .n = to.width,
                             .k = other.rows,
                             .a = slope.data,
                             .b = right.data(),
                             .c = to.data,
                             .a_stride = slope.stride,
                             .b_stride = right.stride(),
                             .c_stride = to.stride,
                             .a_transposed = transposed,
                             .accumulate = to.accumulate});
    };
    if (dx) multiply(false, y, dx);
    if (dy) multiply(true, x, dy);
  }
  if (dtemperature) {
    matrix_view<const float> used = ds;
    used.live = x.live;
    gpu::sum_all<float, 1>(d, gpu::temperature_terms{s, used, y}, gpu::temperature_gradient{temperature, dtemperature},
                           std::int64_t{s.rows} * s.width);
  }
}

}  // extern "C"

}  // namespace blip::inline BLIP_ABI
