// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>

#include "blip/backend/cpu/blocks.hpp"
#include "blip/backend/cpu/few_rows.hpp"
#include "blip/backend/cpu/gemm.hpp"
#include "blip/backend/cpu/onednn_calls-inl.hpp"
#include "blip/backend/cpu/simd.hpp"
#include "blip/backend/cpu/tiles.hpp"

namespace blip::inline BLIP_ABI {

// Products on oneDNN's matmul. c is cut into tiles of 64 columns and at most 320 rows, each a product of its own on one
// thread, into memory of its own (oneDNN is fast only where c is dense): how oneDNN would divide the work, and with it
// the order of summation, then does not depend on the threads. Weights are read in the layout that oneDNN asks for; few
// rows go through a loop of our own where it has the same bits, or read several panels of them in one call. oneDNN
// itself allocates a little in every call.
template <>
struct gemm<onednn_engine> {
  using state = onednn_calls::state;
  using prepared = onednn_calls::prepared;
  using one_thread = onednn_calls::one_thread;
  static constexpr int panel = cpu_few_rows::panel;

  template <precision P>
  using input = std::conditional_t<P == precision::bf16, bf16, float>;

  template <class In>
  static void multiply(device<cpu>& d, int threads, const product<In>& s) {
    multiply(d, threads, s, [&](const product_tile& t) {
      for (int r = t.row; r < t.row + t.rows; ++r) {
        float* const c = s.c + r * s.c_stride + t.column;
        const auto sum = [](const auto& x, const auto& y) { return simd::vec::padd(x, y); };
        if (s.accumulate)
          simd::map(t.columns, c, sum, c, t.sums_of(r));
        else
          std::copy_n(t.sums_of(r), t.columns, c);
      }
    });
  }
  template <class In>
  static void multiply(device<cpu>& d, int threads, const product<In>& given, finish_tile finish) {
    const one_thread guard;
    state& cache = onednn_calls::of(d);
    const steady<In> even(d, given);
    const product<In>& s = even.product;
    const int across = panel * panels_of_tile(s, threads);
    const int wide = (s.n + across - 1) / across, high = (s.m + tile_rows - 1) / tile_rows;
    const auto first = [&](int part) { return static_cast<int>(std::int64_t{s.m} * part / high); };
    const auto columns_of = [&](int column) { return std::min(across, s.n - column); };
    // At most two numbers of rows and two of columns: prepare what the tiles will look up.
    const auto matmul_of = [&](int rows, int column) -> const prepared& {
      return cache.find({even.rows(rows), even.columns(columns_of(column)), s.k, static_cast<int>(s.form),
                         s.packed != nullptr, std::is_same_v<In, bf16>, s.a_stride, even.right(column).stride});
    };
    std::size_t pad = 64;
    for (const int part : {0, high - 1})
      for (const int column : {0, (wide - 1) * across})
        pad = std::max(pad, matmul_of(first(part + 1) - first(part), column).scratchpad);
    pad = (pad + 63) / 64 * 64;
    const std::size_t bytes =
        pad + sizeof(float) * static_cast<std::size_t>(even.rows(std::min(s.m, tile_rows)) * across);
    const int tiles = wide * high, workers = std::min(threads, tiles);
    const scratch<cpu, std::byte> memory(d, bytes * static_cast<std::size_t>(workers));
    parallel_for_workers(workers, tiles, [&](int t, int worker) {
      const one_thread inner;
      std::byte* const own = memory.data() + bytes * static_cast<std::size_t>(worker);
      auto* const sums = reinterpret_cast<float*>(own + pad);
      const int column = t % wide * across, columns = columns_of(column);
      const int row = first(t / wide), rows = first(t / wide + 1) - row;
      const In* a = s.form == product_form::tn ? s.a + row : s.a + row * s.a_stride;
      const void* b = even.right(column).data;
      if (s.packed)
        b = static_cast<const std::byte*>(s.packed) + panel_bytes<In>(s.k) * static_cast<std::size_t>(column / panel);
      matmul_of(rows, column).run(cache, a, b, sums, own);
      finish({row, rows, column, columns, sums, even.columns(columns)});
    });
  }

  // y = x w^T of few rows by our own loop, weights packed or plain, where it has the bits that oneDNN gives to many
  // rows; else false.
  template <class In>
  requires cpu_few_rows::possible<In>
  static bool multiply_few(device<cpu>& d, int threads, const product<In>& s, const float* w, std::ptrdiff_t stride,
                           finish_tile finish) {
    if (s.m > cpu_few_rows::most || s.k % 2 != 0 || s.a_stride % 2 != 0) return false;
    const one_thread guard;
    const int tiles = (s.n + panel - 1) / panel, workers = std::min(threads, tiles), last = s.n - (tiles - 1) * panel;
    const int depth = depth_of_sums<In>(d, s.k, std::min(panel, s.n)), depth_of_last = depth_of_sums<In>(d, s.k, last);
    if (depth == 0 || depth_of_last == 0) return false;
    const std::size_t wide = panel_bytes<In>(s.k) / sizeof(float), of_sums = static_cast<std::size_t>(s.m) * panel;
    const std::size_t one = of_sums + (s.packed ? 0 : wide);
    const scratch<cpu, float> memory(d, one * static_cast<std::size_t>(workers));
    parallel_for_workers(workers, tiles, [&](int t, int worker) {
      float* const sums = memory.data() + one * static_cast<std::size_t>(worker);
      const int column = t * panel, columns = std::min(panel, s.n - column);
      const float* from = sums + of_sums;
      if (s.packed)
        from = static_cast<const float*>(s.packed) + wide * static_cast<std::size_t>(t);
      else
        cpu_few_rows::pack<In>(w + column * stride, stride, columns, s.k, sums + of_sums);
      cpu_few_rows::multiply(s.m, s.a, s.a_stride, s.k, t + 1 < tiles ? depth : depth_of_last, from, sums);
      finish({0, s.m, column, columns, sums, panel});
    });
    return true;
  }

  static std::size_t packed_bytes(device<cpu>& d, precision p, int n, int k) {
    onednn_calls::of(d);  // made by one thread, before several pack
    const std::size_t one = p == precision::bf16 ? panel_bytes<bf16>(k) : panel_bytes<float>(k);
    return one * static_cast<std::size_t>((n + panel - 1) / panel);
  }

  // `packed` of b [k, n].
  template <precision P>
  static void panels_of(int threads, int n, int k, const float* b, std::ptrdiff_t stride, void* to) {
    using In = input<P>;
    constexpr int pair = sizeof(float) / sizeof(In);  // rows of bf16 lie two and two
    const int deep = static_cast<int>(panel_bytes<In>(k) / (sizeof(In) * panel));
    constexpr int block = 64;  // rows of a task
    const int high = (deep + block - 1) / block;
    parallel_for(threads, (n + panel - 1) / panel * high, [&](int t) {
      const int column = t / high * panel, columns = std::min(panel, n - column);
      auto* const at =
          static_cast<In*>(to) + panel_bytes<In>(k) / sizeof(In) * static_cast<std::size_t>(t / high);
      for (int r = t % high * block; r < std::min(deep, (t % high + 1) * block); r += pair) {
        In rows[pair][panel] = {};
        for (int i = 0; i < pair && r + i < k; ++i)
          cpu_blocks::round<P>(columns, b + (r + i) * stride + column, rows[i]);
        In* const line = at + std::ptrdiff_t{r} * panel;
        if constexpr (pair == 2)
          for (int c = 0; c < panel; ++c)
            reinterpret_cast<std::uint32_t*>(line)[c] = rows[0][c].bits | std::uint32_t{rows[1][c].bits} << 16;
        else
          std::copy_n(rows[0], panel, line);
      }
    });
  }

  static void pack(device<cpu>& d, int threads, precision p, int n, int k, const float* b, std::ptrdiff_t stride,
                   void* to) {
    const one_thread guard;
    state& cache = onednn_calls::of(d);
    const int wide = (n + panel - 1) / panel;
    const std::size_t bytes = packed_bytes(d, p, n, k) / static_cast<std::size_t>(wide);
    parallel_for(threads, wide, [&](int t) {
      const one_thread inner;
      const int columns = std::min(panel, n - t * panel);
      const dnnl_memory_desc_t from = onednn_calls::strided(k, columns, dnnl_f32, 1, stride);
      const dnnl_memory_desc_t into = onednn_calls::packed_desc(p == precision::bf16, k, columns);
      onednn_calls::handle<dnnl_primitive_desc_t, dnnl_primitive_desc_destroy> description;
      onednn_calls::require(dnnl_reorder_primitive_desc_create(description.to(), &from, cache.engine.get(), &into,
                                                               cache.engine.get(), nullptr));
      onednn_calls::handle<dnnl_primitive_t, dnnl_primitive_destroy> reorder;
      onednn_calls::require(dnnl_primitive_create(reorder.to(), description.get()));
      const onednn_calls::memory source(from, cache, b + std::ptrdiff_t{t} * panel * stride);
      const onednn_calls::memory target(into, cache, static_cast<std::byte*>(to) + bytes * static_cast<std::size_t>(t));
      const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source.get()}, {DNNL_ARG_TO, target.get()}};
      onednn_calls::require(dnnl_primitive_execute(reorder.get(), cache.stream.get(), 2, arguments));
    });
  }

 private:
  static constexpr int tile_rows = gemm_tile_rows;

  template <class In>
  static int panels_of_tile(const product<In>& s, int threads) {
    constexpr int most = 6;
    const int panels = (s.n + panel - 1) / panel;
    return s.packed && s.m <= cpu_few_rows::most ? std::clamp(panels / threads, 1, most) : 1;
  }

  // On a processor with tiles, oneDNN multiplies few rows or columns of bf16 in vectors all the same, which sums in
  // another order. There rows (of y = x w^T, the form that promises its bits) are filled up to 8 and columns to a
  // panel.
  template <class In>
  struct steady {
    struct factor {
      const In* data;
      std::ptrdiff_t stride;
    };
    static constexpr int few = 8;

    blip::product<In> product;
    bool fills;
    int tail;  // columns in a copy
    scratch<cpu, In> left, last;

    steady(device<cpu>& d, const blip::product<In>& s)
        : product(s),
          fills(std::is_same_v<In, bf16> && s.form == product_form::nt && has_tiles()),
          tail(fills && !s.packed ? s.n % panel : 0),
          left(d, fills && s.m < few ? static_cast<std::size_t>(few * s.k) : 1),
          last(d, tail > 0 ? static_cast<std::size_t>(panel * s.k) : 1) {
      if (fills && s.m < few) {
        fill(s.a, s.a_stride, s.m, few, left.data());
        product.a = left.data();
        product.a_stride = s.k;
      }
      if (tail > 0) fill(s.b + (s.n - tail) * s.b_stride, s.b_stride, tail, panel, last.data());
    }

    int rows(int n) const { return fills ? std::max(n, few) : n; }
    int columns(int n) const { return fills ? (n + panel - 1) / panel * panel : n; }
    factor right(int column) const {
      if (column + panel > product.n && tail > 0) return {last.data(), product.k};
      return {product.form == product_form::nt ? product.b + column * product.b_stride : product.b + column,
              product.b_stride};
    }

   private:
    static bool has_tiles() {
      static const bool yes = onednn_calls::may_use(dnnl_cpu_isa_avx512_core_amx);
      return yes;
    }
    void fill(const In* from, std::ptrdiff_t stride, int rows, int all, In* to) const {
      for (int r = 0; r < rows; ++r) std::copy_n(from + r * stride, product.k, to + std::ptrdiff_t{r} * product.k);
      std::fill(to + std::ptrdiff_t{rows} * product.k, to + std::ptrdiff_t{all} * product.k, In(0.0f));
    }
  };

  template <class In>
  static std::size_t panel_bytes(int k) {
    const int unit = std::is_same_v<In, bf16> ? 32 : 16;
    return static_cast<std::size_t>((k + unit - 1) / unit * unit) * panel * sizeof(In);
  }

  // In parts of how many of k oneDNN sums many rows against a panel of so many columns. It is asked once for each; 0:
  // no such parts were found.
  template <class In>
  [[gnu::cold]] static int depth_of_sums(device<cpu>& d, int k, int columns) {
    constexpr bool half = std::is_same_v<In, bf16>;
    state& cache = onednn_calls::of(d);
    const std::lock_guard<std::mutex> lock(cache.asking);
    if (const auto at = cache.depths.find({k, columns, half}); at != cache.depths.end()) return at->second;
    constexpr int rows = cpu_few_rows::most + 1;
    const auto deep = static_cast<std::size_t>(k), wide = static_cast<std::size_t>(columns);
    const scratch<cpu, float> plain(d, wide * deep), packed(d, panel_bytes<In>(k) / sizeof(float)),
        ours(d, rows * panel), theirs(d, rows * panel);
    const scratch<cpu, In> a(d, rows * deep);
    std::uint32_t word = 1;
    const auto number = [&] {  // between -1 and 1
      word = word * 1664525u + 1013904223u;
      return static_cast<float>(static_cast<std::int32_t>(word)) * 0x1p-31f;
    };
    for (std::size_t i = 0; i < rows * deep; ++i) a[i] = In(number());
    for (std::size_t i = 0; i < wide * deep; ++i) plain[i] = number();
    pack(d, 1, half ? precision::bf16 : precision::fp32, columns, k, plain.data(), k, packed.data());
    const one_thread guard;
    const prepared& many = cache.find({rows, columns, k, static_cast<int>(product_form::nt), true, half, k, k});
    const scratch<cpu, std::byte> pad(d, std::max<std::size_t>(64, many.scratchpad));
    many.run(cache, a.data(), packed.data(), theirs.data(), pad.data());
    cpu_few_rows::pack<In>(plain.data(), k, columns, k, packed.data());
    const auto same = [&](int depth) {
      cpu_few_rows::multiply(rows, a.data(), k, k, depth, packed.data(), ours.data());
      for (int r = 0; r < rows; ++r)
        if (!std::equal(ours.data() + r * panel, ours.data() + r * panel + columns, theirs.data() + r * columns))
          return false;
      return true;
    };
    int depth = 64;
    while (depth < k && !same(depth)) depth *= 2;
    return cache.depths[{k, columns, half}] = same(depth) ? depth : 0;
  }
};

}  // namespace blip::inline BLIP_ABI
