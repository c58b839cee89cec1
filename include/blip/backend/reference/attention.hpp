// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "blip/backend/reference/scalar.hpp"
#include "blip/core/device.hpp"

namespace blip::inline BLIP_ABI {

// Attention of the reference back end: one row of probabilities at a time, straight from the definition.
template <class S>
struct reference_attention {
  using B = reference<S>;
  using in = matrix_view<const S>;
  using out = matrix_view<S>;
  using grad = gradient_view<S>;

  static void attention(device<B>&, in q, in k, in v, const sequence_layout& ql, const sequence_layout& kl,
                        source_index source, const attention_spec& spec, out y, out lse) {
    const int d = q.width / spec.heads;
    each_row(q, k, ql, kl, source, spec, [&](const row_of& a, const std::vector<S>& p, const S& log_sum) {
      for (int c = 0; c < d; ++c) {
        S sum(0);
        for (int j = 0; j < a.keys; ++j) sum += p[index(j)] * S(factor(spec, a, j)) * v(a.key0 + j, a.head * d + c);
        y(a.query, a.head * d + c) = sum;
      }
      if (lse.data) lse(a.query, a.head) = log_sum;
    });
  }

  static void attention_vjp(device<B>&, in q, in k, in v, const sequence_layout& ql, const sequence_layout& kl,
                            source_index source, const attention_spec& spec, in, in, in dy, grad dq, grad dk, grad dv) {
    const int d = q.width / spec.heads;
    // Several query sequences may read one key sequence: zero first where nothing was added yet.
    zero(dq), zero(dk), zero(dv);
    each_row(q, k, ql, kl, source, spec, [&](const row_of& a, const std::vector<S>& p, const S&) {
      std::vector<S> dp(p.size(), S(0));
      S dot(0);
      for (int j = 0; j < a.keys; ++j) {
        for (int c = 0; c < d; ++c) dp[index(j)] += dy(a.query, a.head * d + c) * v(a.key0 + j, a.head * d + c);
        dp[index(j)] *= S(factor(spec, a, j));
        dot += dp[index(j)] * p[index(j)];
      }
      for (int j = 0; j < a.keys; ++j) {
        const S ds = p[index(j)] * (dp[index(j)] - dot) * S(spec.scale);
        for (int c = 0; c < d; ++c) {
          const int col = a.head * d + c;
          if (dq) dq(a.query, col) += ds * k(a.key0 + j, col);
          if (dk) dk(a.key0 + j, col) += ds * q(a.query, col);
          if (dv) dv(a.key0 + j, col) += p[index(j)] * S(factor(spec, a, j)) * dy(a.query, col);
        }
      }
    });
  }

 private:
  struct row_of {
    int query, head, key0, keys;  // row of the query, head, first row and number of the keys it sees
    std::uint32_t stream;
    int position;
  };
  static std::size_t index(int j) { return static_cast<std::size_t>(j); }
  static float factor(const attention_spec& spec, const row_of& a, int j) {
    return spec.dropout.active() ? dropout_factor(spec.dropout, a.stream, attention_row(a.head, a.position),
                                                  static_cast<std::uint32_t>(j))
                                 : 1.0f;
  }
  static void zero(const grad& g) {
    if (!g || g.accumulate) return;
    for (int r = 0; r < g.rows; ++r)
      for (int c = 0; c < g.width; ++c) g(r, c) = S(0);
  }

  template <class F>
  static void each_row(in q, in k, const sequence_layout& ql, const sequence_layout& kl, source_index source,
                       const attention_spec& spec, F f) {
    using std::exp, std::log;
    const int d = q.width / spec.heads;
    for (int s = 0; s < ql.sequences; ++s) {
      const int from = source ? source[s] : s;
      for (int i = 0; i < ql.length(s); ++i)
        for (int h = 0; h < spec.heads; ++h) {
          row_of a{ql.begin(s) + i, h, kl.begin(from), kl.length(from), ql.stream(s), ql.position0(s) + i};
          if (spec.causal) a.keys += i + 1 - ql.length(s);
          std::vector<S> p(index(a.keys > 0 ? a.keys : 0), S(0));
          S top(0), sum(0);
          for (int j = 0; j < a.keys; ++j) {
            for (int c = h * d; c < (h + 1) * d; ++c) p[index(j)] += q(a.query, c) * k(a.key0 + j, c);
            p[index(j)] *= S(spec.scale);
            if (j == 0 || detail::real_part(p[index(j)]) > detail::real_part(top)) top = p[index(j)];
          }
          for (S& x : p) sum += (x = exp(x - top));
          for (S& x : p) x /= sum;
          f(a, p, top + log(sum));
        }
    }
  }
};

}  // namespace blip::inline BLIP_ABI
