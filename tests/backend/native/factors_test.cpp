// SPDX-License-Identifier: Apache-2.0
//
// Built for this machine's own processor: attention whose factors are pairs of bf16, in vectors or in tiles where it has
// them; floats elsewhere. Shapes at and beside the edges of its blocks.
#include <tuple>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/tolerance.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int heads = 2;

struct attention_case {
  int head;  // its width
  int queries, keys;
  bool causal = false, dropout = false;
};

// Three query sequences of `queries`, `queries` - 1 and 1 rows read two key sequences of `keys` and 1 + keys / 2 rows.
struct attention_run {
  attention_case c;
  int q[3] = {0, c.queries, 2 * c.queries - 1}, ql[3] = {c.queries, c.queries - 1, 1}, q_rows = 2 * c.queries;
  int k[2] = {0, c.keys}, kl[2] = {c.keys, 1 + c.keys / 2}, k_rows = c.keys + 1 + c.keys / 2;
  int source[3] = {1, 0, 1};

  template <class B>
  std::vector<numbers> on(device<B>& d) const {
    using S = typename B::scalar;
    const int width = heads * c.head;
    const auto given = [&](int rows, std::uint64_t seed) {
      const numbers v = random_numbers(rows * width, seed);
      return std::vector<S>(v.begin(), v.end());
    };
    const auto view = [](auto& v, int rows, int wide) {
      return matrix_view<std::remove_pointer_t<decltype(v.data())>>{v.data(), rows, wide, wide, nullptr};
    };
    const std::vector<S> qs = given(q_rows, 1), ks = given(k_rows, 2), vs = given(k_rows, 3), dys = given(q_rows, 4);
    std::vector<S> y(qs.size(), S(9)), lse(static_cast<std::size_t>(q_rows * heads)), dq(qs.size(), S(0.5)),
        dk(ks.size(), S(7)), dv(vs.size(), S(0.25));
    const sequence_layout queries{3, q_rows, c.queries, 0, q, ql, nullptr, nullptr, 5},
        keys{2, k_rows, c.keys, 0, k, kl, nullptr, nullptr, 0};
    attention_spec spec{heads, 0.3, c.causal};
    if (c.dropout) spec.dropout = {0.25f, 0, {3, d.step(), 9}};
    kernels<B>::attention(d, view(qs, q_rows, width), view(ks, k_rows, width), view(vs, k_rows, width), queries, keys, source,
                          spec, view(y, q_rows, width), view(lse, q_rows, heads));
    kernels<B>::attention_vjp(d, view(qs, q_rows, width), view(ks, k_rows, width), view(vs, k_rows, width), queries, keys,
                              source, spec, view(std::as_const(y), q_rows, width), view(std::as_const(lse), q_rows, heads),
                              view(dys, q_rows, width), {view(dq, q_rows, width), true}, {view(dk, k_rows, width), false},
                              {view(dv, k_rows, width), true});
    std::vector<numbers> all;
    for (const auto* v : {&y, &dq, &dk, &dv}) all.emplace_back(v->begin(), v->end());
    return all;
  }
};

}  // namespace

TEST_CASE("attention agrees with the reference whatever form its factors have", "[backend]") {
  const auto c = GENERATE(attention_case{8, 2, 3}, attention_case{16, 3, 5, true}, attention_case{32, 17, 33},
                          attention_case{40, 33, 31, true, true}, attention_case{64, 65, 64, false, true},
                          attention_case{64, 31, 321, true}, attention_case{96, 16, 700}, attention_case{24, 330, 330, true});
  INFO(c.queries << " queries, " << c.keys << " keys, heads of " << c.head);
  const attention_run run{c};
  device<reference<double>> oracle;
  const auto expected = run.on(oracle);
  for (const precision p : {precision::fp32, precision::bf16}) {
    INFO((p == precision::bf16 ? "bf16" : "fp32"));
    device<cpu> one({.threads = 1, .products = p}), three({.threads = 3, .products = p});
    const tolerance bound = p == precision::bf16 ? of_bf16 : of_float;
    const auto found = run.on(one), same = run.on(three);
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO("result " << i);
      CHECK(worst_error(found[i], expected[i]) <= (i == 0 ? bound.value : bound.gradient));
      CHECK(difference_of_bits(found[i], same[i]) == "");
    }
  }
}

TEST_CASE("a query has the bits that it has among others", "[backend]") {
  constexpr int width = 64, keys = 77, most = 70;
  const numbers qn = random_numbers(most * width, 1), kn = random_numbers(keys * width, 2);
  const std::vector<float> q(qn.begin(), qn.end()), k(kn.begin(), kn.end());
  for (const precision p : {precision::fp32, precision::bf16}) {
    device<cpu> d({.threads = 2, .products = p});
    const auto run = [&](int first, int rows) {
      std::vector<float> y(static_cast<std::size_t>(rows * width));
      kernels<cpu>::attention(d, {q.data() + first * width, rows, width, width, nullptr}, {k.data(), keys, width, width, nullptr},
                              {k.data(), keys, width, width, nullptr}, sequence_layout::uniform(1, rows),
                              sequence_layout::uniform(1, keys), nullptr, {1, 0.125}, {y.data(), rows, width, width, nullptr}, {});
      return numbers(y.begin(), y.end());
    };
    const numbers all = run(0, most);
    for (const int i : {0, 1, 15, 16, 33, 69}) CHECK(difference_of_bits(run(i, 1), rows_of(all, width, i, 1)) == "");
    for (const int rows : {2, 17, 31, 33, 64}) CHECK(difference_of_bits(run(0, rows), rows_of(all, width, 0, rows)) == "");
  }
}

#if defined(BLIP_HAS_PAIRS)
// The vectors' sums, where tiles are what the test above saw.
TEST_CASE("pairs are multiplied in vectors as in double", "[backend]") {
  using namespace cpu_pairs;
  constexpr int m = 9, n = 48, k = 70;
  const numbers an = random_numbers(m * k, 1), bn = random_numbers(n * k, 2);
  const std::vector<float> a(an.begin(), an.end()), b(bn.begin(), bn.end());
  std::vector<float> rows(static_cast<std::size_t>(m * words(k))), panels_of(static_cast<std::size_t>(64 * words(k)));
  for (int i = 0; i < m; ++i) round_row(a.data() + i * k, k, rows.data() + i * words(k));
  pack_transposed(b.data(), k, n, k, panels_of.data());
  numbers expected(m * n), found(m * n);
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j)
      for (int p = 0; p < k; ++p) at(expected, i * n + j) += at(an, i * k + p) * at(bn, j * k + p);
  for (int j = 0; j < n; j += panel) {
    alignas(64) float c[m][panel] = {};
    multiply_panel<panel / lanes, by_pairs>({rows.data(), words(k), 1, panels_of.data() + j * words(k), words(k), panel, c[0], panel, false},
                                            m, std::min(panel, n - j));
    for (int i = 0; i < m; ++i)
      for (int r = j; r < std::min(n, j + panel); ++r) at(found, i * n + r) = static_cast<double>(c[i][r - j]);
  }
  CHECK(worst_error(found, expected) <= of_bf16.value);
}
#endif
