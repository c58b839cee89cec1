// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cpu/eigen_engine-inl.hpp"
#include "blip/backend/cpu/products.hpp"
#include "blip/backend/cpu/tiles.hpp"
#include "blip/core/error.hpp"
#if defined(BLIP_HAS_ONEDNN)
#include "blip/backend/cpu/onednn_engine-inl.hpp"
#endif

namespace blip::inline BLIP_ABI {

namespace cpu_engines {

// Whether oneDNN is here and has fast products on this processor.
inline bool has_onednn() {
#if defined(BLIP_HAS_ONEDNN)
  return onednn_calls::has_fast_products();
#else
  return false;
#endif
}

// The engine that a device's options mean. Throws device_error if that is oneDNN where it is not.
inline gemm_engine chosen(gemm_engine asked) {
  if (asked == gemm_engine::automatic) return has_onednn() ? gemm_engine::onednn : gemm_engine::eigen;
  if (asked == gemm_engine::eigen || has_onednn()) return asked;
#if defined(BLIP_HAS_ONEDNN)
  throw device_error({"cpu back end: engine onednn", "a processor with AVX-512",
                      "one with less, or ONEDNN_MAX_CPU_ISA set to less",
                      "choose gemm_engine::automatic, which takes Eigen's products here"});
#else
  throw device_error({"cpu back end: engine onednn", "the component onednn", "a build without it",
                      "install libdnnl-dev and link blip::onednn, or choose gemm_engine::eigen"});
#endif
}

// Calls f.template operator()<Engine, P>() for what the device's options ask for.
template <class F>
auto with_engine(const device<cpu>& d, F f) {
  const bool half = d.options().products == precision::bf16;
  [[maybe_unused]] const gemm_engine engine = chosen(d.options().engine);  // unused without oneDNN
#if defined(BLIP_HAS_ONEDNN)
  if (engine == gemm_engine::onednn)
    return half ? f.template operator()<onednn_engine, precision::bf16>()
                : f.template operator()<onednn_engine, precision::fp32>();
#endif
  return half ? f.template operator()<eigen_engine, precision::bf16>()
              : f.template operator()<eigen_engine, precision::fp32>();
}

// A matrix as an engine's products read it in precision P: itself, or a rounded copy.
template <class Engine, precision P>
class converted {
 public:
  using In = typename gemm<Engine>::template input<P>;

  // Packed weights have no plain data: then nothing is read, and nothing copied.
  converted(device<cpu>& d, matrix_view<const float> m)
      : stride_(P == precision::fp32 ? m.stride : m.width),
        copy_(d, P == precision::fp32 || !m.data
                     ? 0
                     : static_cast<std::size_t>(m.live_rows()) * static_cast<std::size_t>(m.width)) {
    if constexpr (P == precision::fp32) {
      data_ = m.data;
    } else if (m.data) {
      data_ = copy_.data();
      cpu_tiles::each_row(d, m.live_rows(), m.width, [&](int r) {
        const float* const from = m.row(r);
        In* const to = copy_.data() + r * stride_;
        cpu_blocks::round<P>(m.width, from, to);
      });
    }
  }

  const In* data() const { return data_; }
  std::ptrdiff_t stride() const { return stride_; }

 private:
  const In* data_ = nullptr;
  std::ptrdiff_t stride_;
  scratch<cpu, In> copy_;
};

// c (+)= a b of the forms nn and tn, the products of gradients.
template <class Engine, precision P>
void multiply(device<cpu>& d, product_form form, int m, int n, int k, matrix_view<const float> a,
              matrix_view<const float> b, const gradient_view<float>& c) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // no rows in use: a sum of nothing
    for (int r = 0; r < m && !c.accumulate; ++r) std::fill_n(c.row(r), n, 0.0f);
    return;
  }
  using E = gemm<Engine>;
  using In = typename E::template input<P>;
  const int threads = cpu_tiles::threads(d);
  product<In> s{form, m, n, k, nullptr, 0, nullptr, 0, c.data, c.stride, c.accumulate, nullptr};
  const bool turned = form == product_form::tn;
  if (turned ? n >= 512 : m >= 640) {  // else too few tiles share a copy
    s.form = product_form::nt;
    const scratch<cpu, std::byte> panels(d, E::packed_bytes(d, P, n, k));
    E::template panels_of<P>(threads, n, k, b.data, b.stride, panels.data());
    s.packed = panels.data();
    const scratch<cpu, In> rows(d, turned ? static_cast<std::size_t>(m) * static_cast<std::size_t>(k) : 0);
    if (turned) {
      cpu_blocks::rows_of<P>(threads, m, k, a.data, a.stride, rows.data());
      s.a = rows.data(), s.a_stride = k;
      return E::multiply(d, threads, s);
    }
    const converted<Engine, P> plain(d, a);
    s.a = plain.data(), s.a_stride = plain.stride();
    return E::multiply(d, threads, s);
  }
  const converted<Engine, P> first(d, a), second(d, b);
  s.a = first.data(), s.a_stride = first.stride(), s.b = second.data(), s.b_stride = second.stride();
  E::multiply(d, threads, s);
}

// db (+)= the sum of the rows of dy, in blocks so that the error grows with their number only.
inline void add_rows(device<cpu>& d, matrix_view<const float> dy, const gradient_view<float>& db) {
  cpu_tiles::each_column_range(d, dy.width, [&](int first, int count) {
    float total[64] = {};
    for (int r0 = 0; r0 < dy.live_rows(); r0 += 256) {
      float part[64] = {};
      for (int r = r0; r < std::min(dy.live_rows(), r0 + 256); ++r)
        for (int c = 0; c < count; ++c) part[c] += dy(r, first + c);
      for (int c = 0; c < count; ++c) total[c] += part[c];
    }
    for (int c = 0; c < count; ++c) db.put(0, first + c, total[c]);
  });
}

}  // namespace cpu_engines

BLIP_INLINE void cpu_products::affine(device<cpu>& d, in x, weight_view<float> w, in b, activation act, out y,
                                      out pre) {
  const int m = x.live_rows(), n = w.rows, k = w.width;
  if (m == 0) return;
  const int threads = cpu_tiles::threads(d);
  const out sums = pre.data ? pre : y;
  using simd::packet;
  const auto finish_as = [&]<activation A>(const product_tile& t) {
    for (int r = t.row; r < t.row + t.rows; ++r) {
      const float* from = t.sums_of(r);
      float* const to = y.row(r) + t.column;
      const float* const bias = b.data ? b.data + t.column : nullptr;
      if (pre.data) {
        float* const kept = pre.row(r) + t.column;
        if (bias)
          simd::map(
              t.columns, kept, [](const packet& v, const packet& o) { return simd::vec::padd(v, o); }, from, bias);
        else if (kept != from)
          std::copy_n(from, t.columns, kept);
        simd::map(
            t.columns, to, [](const packet& v) { return simd::activate<A>(v); }, kept);
      } else if (bias) {
        const auto f = [](const packet& v, const packet& o) { return simd::activate<A>(simd::vec::padd(v, o)); };
        simd::map(t.columns, to, f, from, bias);
      } else if (A != activation::none || to != from) {
        simd::map(
            t.columns, to, [](const packet& v) { return simd::activate<A>(v); }, from);
      }
    }
  };
  const auto finish = [&](const product_tile& t) {
    simd::with_activation(act, [&]<activation A>() { finish_as.template operator()<A>(t); });
  };
  cpu_engines::with_engine(d, [&]<class Engine, precision P>() {
    using E = gemm<Engine>;
    const cpu_engines::converted<Engine, P> a(d, x);
    product<typename E::template input<P>> s{product_form::nt, m, n,         k,           a.data(), a.stride(),
                                             nullptr,          0, sums.data, sums.stride, false,    w.packed};
    if constexpr (requires { E::multiply_few(d, threads, s, w.data, w.stride, finish); })
      if (E::multiply_few(d, threads, s, w.data, w.stride, finish)) return;
    if (w.packed) return E::multiply(d, threads, s, finish);
    // Unpacked weights: an engine with a layout of its own, or in another precision, gets them packed once per call.
    if constexpr (P == precision::fp32 && std::is_same_v<Engine, eigen_engine>) {
      s.b = w.data, s.b_stride = w.stride;
      return E::multiply(d, threads, s, finish);
    }
    const scratch<cpu, std::byte> packed(d, E::packed_bytes(d, P, n, k));
    E::pack(d, threads, P, n, k, w.data, w.stride, packed.data());
    s.packed = packed.data();
    E::multiply(d, threads, s, finish);
  });
}

BLIP_INLINE void cpu_products::affine_vjp(device<cpu>& d, in x, weight_view<float> w, activation act, in pre, in dy,
                                          grad dx, grad dw, grad db) {
  const int rows = dy.live_rows();
  const bool bent = act != activation::none;
  const std::size_t size = bent ? static_cast<std::size_t>(dy.rows) * static_cast<std::size_t>(dy.width) : 0;
  const scratch<cpu, float> kept(d, size);
  in slope = dy;
  if (bent) {
    const out to{kept.data(), dy.rows, dy.width, dy.width, dy.live};
    slope = to;
    simd::with_activation(act, [&]<activation A>() {
      cpu_tiles::each_row(d, rows, dy.width, [&](int r) {
        simd::map(
            dy.width, to.row(r), [](auto g, auto v) { return simd::vec::pmul(g, simd::activation_slope<A>(v)); },
            dy.row(r), pre.row(r));
      });
    });
  }
  cpu_engines::with_engine(d, [&]<class Engine, precision P>() {
    if (dx) cpu_engines::multiply<Engine, P>(d, product_form::nn, rows, w.width, w.rows, slope, w, dx);
    if (dw) cpu_engines::multiply<Engine, P>(d, product_form::tn, w.rows, w.width, rows, slope, x, dw);
  });
  if (db) cpu_engines::add_rows(d, slope, db);
}

// Always fp32 and on Eigen's engine: small, and what hard negatives and accuracies are read from.
BLIP_INLINE void cpu_products::similarity(device<cpu>& d, in x, in y, in temperature, out s) {
  const float inverse = temperature.data ? 1 / temperature(0, 0) : 1;
  product<float> p{product_form::nt, x.live_rows(), y.live_rows(), x.width,  x.data, x.stride,
                   y.data,           y.stride,      s.data,        s.stride, false,  nullptr};
  gemm<eigen_engine>::multiply(d, cpu_tiles::threads(d), p, [&](const product_tile& t) {
    for (int r = t.row; r < t.row + t.rows; ++r)
      for (int c = t.column; c < t.column + t.columns; ++c) s(r, c) *= inverse;
  });
}

BLIP_INLINE void cpu_products::similarity_vjp(device<cpu>& d, in x, in y, in temperature, in s, in ds, grad dx, grad dy,
                                              grad dtemperature) {
  const int n = x.live_rows(), m = y.live_rows();
  const float inverse = temperature.data ? 1 / temperature(0, 0) : 1;
  const scratch<cpu, float> kept(d, static_cast<std::size_t>(n) * static_cast<std::size_t>(m));
  const scratch<cpu, float> dots(d, static_cast<std::size_t>(n));
  cpu_tiles::each_row(d, n, m, [&](int r) {
    dots[static_cast<std::size_t>(r)] = dtemperature ? simd::dot(m, ds.row(r), s.row(r)) : 0;
    for (int c = 0; c < m; ++c)
      kept[static_cast<std::size_t>(r) * static_cast<std::size_t>(m) + static_cast<std::size_t>(c)] =
          ds(r, c) * inverse;
  });
  const in scaled{kept.data(), n, m, m, nullptr};
  if (dx) cpu_engines::multiply<eigen_engine, precision::fp32>(d, product_form::nn, n, x.width, m, scaled, y, dx);
  if (dy) cpu_engines::multiply<eigen_engine, precision::fp32>(d, product_form::tn, m, x.width, n, scaled, x, dy);
  if (dtemperature) {
    double sum = 0;
    for (int r = 0; r < n; ++r) sum += dots[static_cast<std::size_t>(r)];
    dtemperature.put(0, 0, static_cast<float>(-sum * inverse));
  }
}

}  // namespace blip::inline BLIP_ABI
