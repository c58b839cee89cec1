// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <vector>

#include "blip/backend/cuda/attention.hpp"
#include "blip/backend/cuda/few_rows.hpp"
#include "blip/backend/cuda/optimiser.hpp"
#include "blip/backend/types.hpp"
#include "blip/core/dtype.hpp"

// What the calls of kernels cost on back end `cuda` as it is: a matrix of floats is 4 bytes a number, what a kernel
// does in several launches goes through memory once for each. Index arrays and per-row partial sums are left out; of
// tables only rows that are looked up count.
namespace goals {

struct cost {
  double flop = 0;               // as launched: products take the capacity of a matrix
  double packed = 0;             // of these, rows in use
  double read = 0, written = 0;  // bytes
  int launches = 0;

  cost& operator+=(const cost& o) {
    flop += o.flop, packed += o.packed, read += o.read, written += o.written, launches += o.launches;
    return *this;
  }
  cost operator-(const cost& o) const {
    return {flop - o.flop, packed - o.packed, read - o.read, written - o.written, launches - o.launches};
  }
};

template <class M>
double bytes_of(const M& m) {
  return m.data ? 4.0 * m.live_rows() * m.width : 0;
}
// A matrix of bf16 in place of floats.
template <class M>
double half_of(const M& m) {
  return bytes_of(m) / 2;
}

// One argument of a kernel: views of constants are read, others written, gradients that add are both.
template <class S>
void pass(cost& c, const blip::matrix_view<const S>& m) {
  c.read += bytes_of(m);
}
template <class S>
void pass(cost& c, const blip::matrix_view<S>& m) {
  c.written += bytes_of(m);
}
template <class S>
void pass(cost& c, const blip::gradient_view<S>& m) {
  c.written += bytes_of(m);
  if (m.accumulate) c.read += bytes_of(m);
}
template <class A>
void pass(cost&, const A&) {}

template <class... A>
cost passed(int launches, const A&... arguments) {
  cost c;
  c.launches = launches;
  (pass(c, arguments), ...);
  return c;
}

// N launches that see every argument once.
template <int N>
struct streamed {
  template <class... A>
  cost operator()(blip::precision, const A&... arguments) const {
    return passed(N, arguments...);
  }
};
// The same of a pullback, which does nothing where no gradient is wanted.
template <int N>
struct streamed_gradient {
  template <class A>
  static bool wanted(const A& a) {
    if constexpr (requires { a.accumulate; })
      return static_cast<bool>(a);
    else
      return false;
  }
  template <class... A>
  cost operator()(blip::precision, const A&... arguments) const {
    return (wanted(arguments) || ...) ? passed(N, arguments...) : cost{};
  }
};

// The costs of each kernel whose arguments do not tell; they take what the kernel takes.
namespace costs {

inline double product(double rows, double columns, double depth) { return 2 * rows * columns * depth; }

// Products read copies in bf16 where the device says so; a copy is a launch of its own.
template <class M>
void copied(cost& c, blip::precision p, const M& m, bool summed) {
  if (p == blip::precision::bf16)
    ++c.launches, c.read += bytes_of(m), c.written += half_of(m);
  else if (summed && m.live)
    ++c.launches, c.read += bytes_of(m), c.written += bytes_of(m);
}
template <class M>
double operand(blip::precision p, const M& m) {
  return p == blip::precision::bf16 ? half_of(m) : bytes_of(m);
}

template <class X, class W>
void multiplied(cost& c, const X& x, const W& w) {
  c.flop = product(x.rows, w.rows, w.width), c.packed = product(x.live_rows(), w.rows, w.width);
}
// Weights as they are held: in bf16, or in floats that few rows round on the way.
template <class W>
double held(const W& w) {
  return (w.packed ? 2.0 : 4.0) * w.rows * w.width;
}

inline constexpr auto affine = [](blip::precision p, const auto& x, const auto& w, const auto& b, blip::activation act,
                                  const auto& y, const auto& pre) {
  cost c;
  if (x.rows <= blip::cuda_few_rows::few_rows) {
    c = passed(1, x, b, y, pre), c.read += held(w);
    multiplied(c, x, w);
    return c;
  }
  copied(c, p, x, false);
  if (!w.packed) copied(c, p, w, false);
  c += passed(1, b, pre.data ? pre : y), c.read += operand(p, x) + (w.packed ? held(w) : operand(p, w));
  multiplied(c, x, w);
  if (act != blip::activation::none || pre.data) ++c.launches, c.read += bytes_of(y), c.written += bytes_of(y);
  return c;
};

// What comes before the norm is written, and read again by the last block.
inline constexpr auto affine_norm = [](blip::precision, const auto& h, const auto& w, const auto& b, blip::activation,
                                       const auto& x, const auto& gamma, const auto& beta, double, const auto& y) {
  cost c = passed(1, h, b, x, gamma, beta, y);
  c.read += held(w) + bytes_of(y), c.written += bytes_of(y);
  multiplied(c, h, w);
  return c;
};

inline constexpr auto affine_vjp = [](blip::precision p, const auto& x, const auto& w, blip::activation act,
                                      const auto& pre, const auto& dy, const auto& dx, const auto& dw, const auto& db) {
  cost c;
  if (!dx && !dw && !db) return c;
  if (act != blip::activation::none || dy.live) c += passed(1, pre, dy), c.written += bytes_of(dy);
  if (db) c += passed(2, dy, db);
  if (!dx && !dw) return c;
  copied(c, p, dy, false);
  const auto multiply = [&](const auto& other, bool summed, const auto& to) {
    if (!to) return;
    copied(c, p, other, summed);
    c += passed(1, to), c.read += operand(p, dy) + operand(p, other);
    c.flop += product(dy.rows, w.rows, w.width), c.packed += product(dy.live_rows(), w.rows, w.width);
  };
  multiply(w, false, dx), multiply(x, true, dw);
  return c;
};

inline constexpr auto similarity = [](blip::precision, const auto& x, const auto& y, const auto& temperature,
                                      const auto& s) {
  cost c = passed(1, x, y, s);
  c.flop = product(x.rows, y.rows, x.width), c.packed = product(x.live_rows(), y.live_rows(), x.width);
  if (temperature.data) ++c.launches, c.read += bytes_of(s), c.written += bytes_of(s);
  return c;
};
inline constexpr auto similarity_vjp = [](blip::precision, const auto& x, const auto& y, const auto&, const auto& s,
                                          const auto& ds, const auto& dx, const auto& dy, const auto& dtemperature) {
  cost c;
  if (dx || dy) c += passed(1, ds), c.written += bytes_of(ds);
  const auto multiply = [&](const auto& other, const auto& to) {
    if (!to) return;
    copied(c, blip::precision::fp32, other, true);
    c += passed(1, ds, other, to);
    c.flop += product(x.rows, y.rows, x.width), c.packed += product(x.live_rows(), y.live_rows(), x.width);
  };
  multiply(y, dx), multiply(x, dy);
  if (dtemperature) c += passed(2, s, ds);
  return c;
};

// Pairs of a query and a key that it may see.
inline double seen(const blip::sequence_layout& ql, const blip::sequence_layout& kl, blip::source_index source,
                   bool causal) {
  double pairs = 0;
  for (int s = 0; s < ql.sequences; ++s) {
    const int n = ql.length(s), m = kl.length(source ? source[s] : s);
    if (!causal)
      pairs += static_cast<double>(n) * m;
    else
      for (int i = 0; i < n; ++i) pairs += std::clamp(i + 1 + m - n, 0, m);
  }
  return pairs;
}
// Rows of the sequences that somebody reads.
inline double rows_read(const blip::sequence_layout& ql, const blip::sequence_layout& kl, blip::source_index source) {
  std::vector<char> read(static_cast<std::size_t>(kl.sequences), source ? 0 : 1);
  for (int s = 0; source && s < ql.sequences; ++s) read[static_cast<std::size_t>(source[s])] = 1;
  double rows = 0;
  for (int s = 0; s < kl.sequences; ++s) rows += read[static_cast<std::size_t>(s)] ? kl.length(s) : 0;
  return rows;
}

inline constexpr auto attention = [](blip::precision p, const auto& q, const auto& k, const auto&, const auto& ql,
                                     const auto& kl, blip::source_index source, const auto& spec, const auto& y,
                                     const auto& lse) {
  cost c = passed(1, q, y, lse);
  const bool halves = spec.packed_keys && blip::cuda_attention::packs_keys(p, k.width / spec.heads);
  c.read += (halves ? 4.0 : 8.0) * rows_read(ql, kl, source) * k.width;
  c.flop = c.packed = 4 * seen(ql, kl, source, spec.causal) * q.width;  // q k, p v
  return c;
};
inline constexpr auto pack_keys = [](blip::precision, const auto& k, const auto& v, auto...) {
  cost c = passed(1, k, v);
  c.written += (bytes_of(k) + bytes_of(v)) / 2;
  return c;
};
inline constexpr auto attention_appending = [](blip::precision p, const auto& qkv, const int*, const auto& cache,
                                               const auto& ql, const auto& kl, const auto& spec, const auto& y) {
  cost c = attention(p, qkv.columns(0, y.width), cache.columns(0, y.width), cache.columns(y.width, y.width), ql, kl,
                     nullptr, spec, y, blip::matrix_view<const char>{});
  const double fresh = bytes_of(qkv.columns(y.width, 2 * y.width));
  c.read += fresh, c.written += fresh;
  return c;
};
// The scores exist again in each of its kernels, and dy v; then ds k, ds q, p dy.
inline constexpr auto attention_vjp = [](blip::precision, const auto& q, const auto& k, const auto&, const auto& ql,
                                         const auto& kl, blip::source_index source, const auto& spec, const auto& y,
                                         const auto& lse, const auto& dy, const auto& dq, const auto& dk,
                                         const auto& dv) {
  cost c;
  if (!dq && !dk && !dv) return c;
  const double one = 2 * seen(ql, kl, source, spec.causal) * q.width, keys = 8.0 * rows_read(ql, kl, source) * k.width;
  c = passed(1, y, dy);
  if (dq) c += passed(1, q, dy, lse, dq), c.read += keys, c.flop += 3 * one;
  if (dk || dv) c += passed(1, q, dy, lse, dk, dv), c.read += keys, c.flop += (2 + bool(dk) + bool(dv)) * one;
  c.packed = c.flop;
  return c;
};

inline constexpr auto layer_norm_vjp = [](blip::precision, const auto& x, const auto& gamma, const auto& stats,
                                          const auto& dy, const auto& dx, const auto& dgamma, const auto& dbeta) {
  constexpr int longest_row = 1024;  // that one pass takes, which knows the sums over rows as well
  if (dx && (dgamma || dbeta) && x.width % 4 == 0 && x.width <= longest_row)
    return passed(2, x, gamma, stats, dy, dx, dgamma, dbeta);
  cost c;
  if (dx) c += passed(1, x, gamma, stats, dy, dx);
  if (dgamma || dbeta) c += passed(2, x, stats, dy, dgamma, dbeta);
  return c;
};

// Tables of words and positions: one row of each for a row of the result.
inline constexpr auto embed = [](blip::precision, const int*, const auto&, const auto&, const auto& positions,
                                 const auto& kind, const auto& y) {
  cost c = passed(1, kind, y);
  c.read += (positions.data ? 2 : 1) * bytes_of(y);
  return c;
};
inline constexpr auto embed_vjp = [](blip::precision, const int*, const auto&, int, const auto& dy, const auto& dwords,
                                     const auto& dpositions, const auto& dkind) {
  cost c = passed(1);
  for (const bool table : {bool(dwords), bool(dpositions)})
    if (table) c += passed(1, dy), c.read += bytes_of(dy), c.written += bytes_of(dy);
  if (dkind) c += passed(2, dy, dkind);
  return c;
};
inline constexpr auto tokens_vjp = [](blip::precision, const auto& dy, int, const auto& dx, const auto& dfirst,
                                      const auto& dpositions, auto...) {
  cost c;
  if (dx) c += passed(1, dy, dx);
  if (dfirst || dpositions) c += passed(1, dy, dfirst, dpositions);
  return c;
};

// Rows that are chosen: as many are read as written.
inline constexpr auto gather_rows = [](blip::precision, const auto&, const int*, const auto& y) {
  cost c = passed(1, y);
  c.read += bytes_of(y);
  return c;
};
inline constexpr auto gather_rows_vjp = [](blip::precision, const int*, const auto& dy, const auto& dx) {
  cost c;
  if (dx) c = passed(1, dy), c.read += bytes_of(dy), c.written += bytes_of(dy);
  return c;
};
inline constexpr auto scatter_rows = [](blip::precision, const auto& x, const int*, const auto&) {
  cost c = passed(1, x);
  c.written += bytes_of(x);
  return c;
};
inline constexpr auto scatter_rows_vjp = [](blip::precision, const int*, const auto&, const auto& dx) {
  cost c;
  if (dx) c = passed(1, dx), c.read += bytes_of(dx);
  return c;
};
inline constexpr auto clamp = [](blip::precision, const auto& x, double, double) {
  cost c = passed(1, x);
  c.read += bytes_of(x);
  return c;
};

// Scores are streamed: keys are read once, not once for each block of queries.
template <class C>
double contrast_scores(const C& c) {
  return (c.teacher.data ? 2 : 1) * product(c.queries.rows, c.columns(), c.queries.width);
}
inline constexpr auto contrast = [](blip::precision, const auto& k, const auto& loss, const auto& stats) {
  cost c = passed(2, k.queries, k.teacher, k.batch, k.queue, loss, stats);
  c.flop = c.packed = contrast_scores(k);
  return c;
};
inline constexpr auto contrast_vjp = [](blip::precision, const auto& k, const auto& stats, const auto& dloss,
                                        const auto& dqueries, const auto& dtemperature) {
  cost c;
  if (!dqueries && !dtemperature) return c;
  c = passed(2 + bool(dqueries) + 2 * bool(dtemperature), k.queries, k.teacher, k.batch, k.queue, stats, dloss,
             dqueries, dtemperature);
  c.flop = c.packed = contrast_scores(k) + product(k.queries.rows, k.columns(), k.queries.width);
  return c;
};

inline constexpr auto adamw = [](blip::precision, std::span<const blip::adamw_piece> pieces, auto...) {
  cost c;
  blip::detail::each_adamw_batch(pieces, [&](const auto&) { ++c.launches; });
  for (const auto& p : pieces) c.read += 16.0 * static_cast<double>(p.size), c.written += 12.0 * static_cast<double>(p.size);
  return c;
};
inline constexpr auto squared_norm = [](blip::precision, auto n, auto, auto) {
  return cost{0, 0, 4.0 * static_cast<double>(n), 0, 2};
};
inline constexpr auto ema = [](blip::precision, auto n, double, auto, auto) {
  return cost{0, 0, 8.0 * static_cast<double>(n), 4.0 * static_cast<double>(n), 1};
};

}  // namespace costs

}  // namespace goals
