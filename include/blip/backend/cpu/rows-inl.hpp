// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "blip/backend/cpu/rows.hpp"
#include "blip/backend/cpu/simd.hpp"
#include "blip/backend/cpu/tiles.hpp"

namespace blip::inline BLIP_ABI {

namespace cpu_row {

using simd::packet;
namespace vec = simd::vec;

// g_r (+)= f(a_r, ...), one row of a gradient.
template <class F, class... In>
void put(const gradient_view<float>& g, int r, F f, const In*... in) {
  float* const to = g.row(r);
  if (!g.accumulate) return simd::map(g.width, to, f, in...);
  simd::map(
      g.width, to, [&](const packet& before, auto... v) { return vec::padd(before, f(v...)); }, to, in...);
}

inline constexpr auto same = [](const packet& x) { return x; };

// f(row, factors) for every row of a sequence, factors [width] what dropout multiplies it with (null: 1 each).
template <class F>
void each_dropped(const device<cpu>& d, const matrix_view<const float>& m, const sequence_layout& l,
                  const dropout_spec& drop, F f) {
  if (!drop.active()) return cpu_tiles::each_row(d, m.live_rows(), m.width, [&](int r) { f(r, 0, 0, nullptr); });
  constexpr int wide = 256;  // columns whose factors are at hand; a multiple of 4
  cpu_tiles::each_row(d, l.sequences, l.longest * m.width, [&](int s) {
    dropout_spec path = drop;
    path.rate = 0;
    const float kept = dropout_factor(path, l.stream(s), 0, 0), scaled = kept / (1 - drop.rate);
    float factors[wide];
    std::fill_n(factors, wide, kept);
    for (int i = 0; i < l.length(s); ++i)
      for (int c0 = 0; c0 < m.width; c0 += wide) {
        const int count = std::min(wide, m.width - c0);
        if (drop.rate > 0)
          for (int c = 0; c < count; c += 4) {
            const philox_counter words = drop.at.block(l.stream(s), static_cast<std::uint32_t>(l.position0(s) + i),
                                                       static_cast<std::uint32_t>(c0 + c) / 4);
            for (int j = 0; j < 4; ++j)
              factors[c + j] = to_unit(words[static_cast<std::size_t>(j)]) < drop.rate ? 0.0f : scaled;
          }
        f(l.begin(s) + i, c0, count, factors);
      }
  });
}

}  // namespace cpu_row

BLIP_INLINE void cpu_rows::layer_norm(device<cpu>& d, in x, in gamma, in beta, double eps, out y, out stats) {
  using namespace cpu_row;
  cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
    const float* const from = x.row(r);
    const auto n = static_cast<float>(x.width);
    const float mean = simd::sum(x.width, same, from) / n;
    // Centred squares, not E[x^2] - mean^2, which cancels. The tail of a row is filled with zeros: leave it out.
    const int whole = x.width / simd::lanes * simd::lanes;
    float squares = simd::sum(
        whole,
        [=](const packet& v) {
          const packet c = vec::psub(v, simd::constant(mean));
          return vec::pmul(c, c);
        },
        from);
    for (int c = whole; c < x.width; ++c) squares += (from[c] - mean) * (from[c] - mean);
    const float inverse = 1 / std::sqrt(squares / n + static_cast<float>(eps));
    simd::map(
        x.width, y.row(r),
        [=](const packet& v, const packet& g, const packet& b) {
          return vec::pmadd(vec::pmul(vec::psub(v, simd::constant(mean)), simd::constant(inverse)), g, b);
        },
        from, gamma.data, beta.data);
    if (stats.data) stats(r, 0) = mean, stats(r, 1) = inverse;
  });
}

BLIP_INLINE void cpu_rows::layer_norm_vjp(device<cpu>& d, in x, in gamma, in stats, in dy, grad dx, grad dgamma,
                                          grad dbeta) {
  using namespace cpu_row;
  const int rows = dy.live_rows();
  if (dx)
    cpu_tiles::each_row(d, rows, x.width, [&](int r) {
      const packet mean = simd::constant(stats(r, 0)), inverse = simd::constant(stats(r, 1));
      const auto hat = [=](const packet& v) { return vec::pmul(vec::psub(v, mean), inverse); };
      const float share = 1 / static_cast<float>(x.width);
      const float level = share * simd::dot(x.width, dy.row(r), gamma.data);
      const float along = share * simd::sum(
                                      x.width,
                                      [=](const packet& g, const packet& w, const packet& v) {
                                        return vec::pmul(vec::pmul(g, w), hat(v));
                                      },
                                      dy.row(r), gamma.data, x.row(r));
      put(
          dx, r,
          [=](const packet& g, const packet& w, const packet& v) {
            const packet rest =
                vec::psub(vec::pmul(g, w), vec::pmadd(hat(v), simd::constant(along), simd::constant(level)));
            return vec::pmul(rest, inverse);
          },
          dy.row(r), gamma.data, x.row(r));
    });
  if (dgamma || dbeta)
    cpu_tiles::each_column_range(d, x.width, [&](int first, int count) {
      float gain[64] = {}, shift[64] = {};
      for (int r0 = 0; r0 < rows; r0 += 256) {
        float part_gain[64] = {}, part_shift[64] = {};
        for (int r = r0; r < std::min(rows, r0 + 256); ++r) {
          const float mean = stats(r, 0), inverse = stats(r, 1);
          const float* const g = dy.row(r) + first;
          const float* const v = x.row(r) + first;
          for (int c = 0; c < count; ++c) part_shift[c] += g[c], part_gain[c] += g[c] * (v[c] - mean) * inverse;
        }
        for (int c = 0; c < count; ++c) gain[c] += part_gain[c], shift[c] += part_shift[c];
      }
      for (int c = 0; c < count; ++c) {
        if (dgamma) dgamma.put(0, first + c, gain[c]);
        if (dbeta) dbeta.put(0, first + c, shift[c]);
      }
    });
}

BLIP_INLINE void cpu_rows::residual(device<cpu>& d, in x, in branch, const sequence_layout& l, const dropout_spec& drop,
                                    out y) {
  using namespace cpu_row;
  const auto sum = [](const packet& a, const packet& b) { return vec::padd(a, b); };
  const auto scaled_sum = [](const packet& a, const packet& b, const packet& f) { return vec::pmadd(b, f, a); };
  const auto product = [](const packet& b, const packet& f) { return vec::pmul(b, f); };
  each_dropped(d, branch, l, drop, [&](int r, int c0, int count, const float* factors) {
    float* const to = y.row(r) + c0;
    const float* const from = branch.row(r) + c0;
    if (!factors && x.data) return simd::map(branch.width, to, sum, x.row(r), from);
    if (!factors) return simd::map(branch.width, to, same, from);
    if (x.data) return simd::map(count, to, scaled_sum, x.row(r) + c0, from, factors);
    simd::map(count, to, product, from, factors);
  });
}

BLIP_INLINE void cpu_rows::residual_vjp(device<cpu>& d, in dy, const sequence_layout& l, const dropout_spec& drop,
                                        grad dx, grad dbranch) {
  using namespace cpu_row;
  each_dropped(d, dy, l, drop, [&](int r, int c0, int count, const float* factors) {
    if (dx && c0 == 0) put(dx, r, same, dy.row(r));
    if (!dbranch) return;
    if (!factors) return put(dbranch, r, same, dy.row(r));
    put(
        dbranch.columns(c0, count), r, [](const packet& g, const packet& f) { return vec::pmul(g, f); }, dy.row(r) + c0,
        factors);
  });
}

BLIP_INLINE void cpu_rows::activate(device<cpu>& d, in x, activation act, out y) {
  simd::with_activation(act, [&]<activation A>() {
    cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
      simd::map(
          x.width, y.row(r), [](const cpu_row::packet& v) { return simd::activate<A>(v); }, x.row(r));
    });
  });
}

BLIP_INLINE void cpu_rows::narrow(device<cpu>& d, in x, out y) {
  cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
    simd::narrow(x.width, reinterpret_cast<bf16*>(y.row(r)), x.row(r));
  });
}

BLIP_INLINE void cpu_rows::widen(device<cpu>& d, in x, out y) {
  cpu_tiles::each_row(d, y.live_rows(), y.width, [&](int r) {
    simd::widen(y.width, y.row(r), reinterpret_cast<const bf16*>(x.row(r)));
  });
}

BLIP_INLINE void cpu_rows::scale(device<cpu>& d, in x, double factor, out y) {
  using namespace cpu_row;
  const auto f = static_cast<float>(factor);
  cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
    simd::map(
        x.width, y.row(r), [=](const packet& v) { return vec::pmul(v, simd::constant(f)); }, x.row(r));
  });
}
BLIP_INLINE void cpu_rows::scale_vjp(device<cpu>& d, in dy, double factor, grad dx) {
  using namespace cpu_row;
  const auto f = static_cast<float>(factor);
  cpu_tiles::each_row(d, dy.live_rows(), dy.width, [&](int r) {
    put(
        dx, r, [=](const packet& v) { return vec::pmul(v, simd::constant(f)); }, dy.row(r));
  });
}

BLIP_INLINE void cpu_rows::gather_rows(device<cpu>& d, in x, const int* index, out y) {
  cpu_tiles::each_row(d, y.live_rows(), y.width, [&](int r) {
    if (index[r] >= 0)
      std::copy_n(x.row(index[r]), y.width, y.row(r));
    else
      std::fill_n(y.row(r), y.width, 0.0f);
  });
}
// Several rows may come from one: a tile owns columns, not rows.
BLIP_INLINE void cpu_rows::gather_rows_vjp(device<cpu>& d, const int* index, in dy, grad dx) {
  cpu_tiles::each_column_range(d, dy.width, [&](int first, int count) {
    for (int r = 0; r < dy.live_rows(); ++r)
      if (index[r] >= 0)
        for (int c = first; c < first + count; ++c) dx(index[r], c) += dy(r, c);
  });
}

BLIP_INLINE void cpu_rows::scatter_rows(device<cpu>& d, in x, const int* index, out y) {
  cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
    if (index[r] >= 0) std::copy_n(x.row(r), x.width, y.row(index[r]));
  });
}
BLIP_INLINE void cpu_rows::scatter_rows_vjp(device<cpu>& d, const int* index, in dy, grad dx) {
  cpu_tiles::each_row(d, dx.live_rows(), dx.width, [&](int r) {
    if (index[r] >= 0)
      cpu_row::put(dx, r, cpu_row::same, dy.row(index[r]));
    else if (!dx.accumulate)
      std::fill_n(dx.row(r), dx.width, 0.0f);
  });
}

BLIP_INLINE void cpu_rows::copy_columns(device<cpu>& d, in x, out y) {
  cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) { std::copy_n(x.row(r), x.width, y.row(r)); });
}
BLIP_INLINE void cpu_rows::copy_columns_vjp(device<cpu>& d, in dy, grad dx) {
  cpu_tiles::each_row(d, dy.live_rows(), dy.width, [&](int r) { cpu_row::put(dx, r, cpu_row::same, dy.row(r)); });
}

BLIP_INLINE void cpu_rows::l2_normalize(device<cpu>& d, in x, out y, out norms) {
  using namespace cpu_row;
  cpu_tiles::each_row(d, x.live_rows(), x.width, [&](int r) {
    const float norm = std::max(std::sqrt(simd::dot(x.width, x.row(r), x.row(r))), 1e-12f);
    simd::map(
        x.width, y.row(r), [=](const packet& v) { return vec::pdiv(v, simd::constant(norm)); }, x.row(r));
    if (norms.data) norms(r, 0) = norm;
  });
}
BLIP_INLINE void cpu_rows::l2_normalize_vjp(device<cpu>& d, in y, in norms, in dy, grad dx) {
  using namespace cpu_row;
  cpu_tiles::each_row(d, dy.live_rows(), y.width, [&](int r) {
    const float norm = norms(r, 0), along = norm > 1e-12f ? simd::dot(y.width, dy.row(r), y.row(r)) : 0;
    put(
        dx, r,
        [=](const packet& g, const packet& v) {
          return vec::pdiv(vec::psub(g, vec::pmul(v, simd::constant(along))), simd::constant(norm));
        },
        dy.row(r), y.row(r));
  });
}

}  // namespace blip::inline BLIP_ABI
