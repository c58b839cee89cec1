// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "blip/core/device.hpp"
#include "blip/core/dtype.hpp"
#include "blip/core/function_ref.hpp"

namespace blip::inline BLIP_ABI {

// Which of the two factors is stored transposed. With c [m, n] = a b and everything row by row:
//   nt: a [m, k], b [n, k]   y = x w^T
//   nn: a [m, k], b [k, n]   dx = dy w
//   tn: a [k, m], b [k, n]   dw = dy^T x
enum class product_form { nt, nn, tn };

// c (+)= a b. Strides are distances between stored rows. In: float or bf16; sums are float.
template <class In>
struct product {
  product_form form = product_form::nt;
  int m = 0, n = 0, k = 0;
  const In* a = nullptr;
  std::ptrdiff_t a_stride = 0;
  const In* b = nullptr;
  std::ptrdiff_t b_stride = 0;
  float* c = nullptr;
  std::ptrdiff_t c_stride = 0;
  bool accumulate = false;
  const void* packed = nullptr;  // b as gemm<E>::pack left it (nt only); `b` is then not read
};

// A part of c that is complete; its sums lie where c is, or in memory of the engine.
struct product_tile {
  int row = 0, rows = 0, column = 0, columns = 0;
  const float* sums = nullptr;
  std::ptrdiff_t stride = 0;

  const float* sums_of(int r) const { return sums + (r - row) * stride; }
};
using finish_tile = function_ref<void(const product_tile&)>;

// Rows of a tile on oneDNN. Work cut at its multiples (rows_at_a_time) has the bits of all rows at once.
inline constexpr int gemm_tile_rows = 320;

// Who multiplies. A specialisation provides
//   input<P>                                              what precision P is read as
//   panel                                                 columns of c whose weights lie together in `packed`
//   multiply(d, threads, product<In>, finish)             calls finish(tile) for tiles that cover c, each once, while
//                                                         it is in cache
//   packed_bytes(d, precision, n, k)                      the size of `packed` for b [n, k]
//   pack(d, threads, precision, n, k, b, stride, to)      and its making; several threads may, after packed_bytes
//   panels_of<P>(threads, n, k, b, stride, to)            the same of b [k, n]
// and promises that an element of c has the same bits for any number of threads, and for nt whatever other rows there
// are (test_backend holds both to it).
template <class Engine>
struct gemm;

struct eigen_engine;   // Eigen's vector operations under a blocking of ours: eigen_engine-inl.hpp
struct onednn_engine;  // oneDNN's matmul tile by tile: onednn_engine-inl.hpp

}  // namespace blip::inline BLIP_ABI
