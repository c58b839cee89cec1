// SPDX-License-Identifier: Apache-2.0
//
// Products of few rows and what ends them, weights kept in bf16, attention that appends to a cache.
#include "blip/core/packed_layout.hpp"
#include "cuda/kernel_bench.hpp"

using namespace blip;
using namespace blip_test;

namespace {

struct product_case {
  int rows, in, out;
  precision products;
  bool packed = false;
  int live = -1;   // rows of use; the others are NaN
  int stride = 0;  // of x; 0: as wide as it is
  bool bias = true, residual = true;
  activation act = activation::gelu;
};
std::ostream& operator<<(std::ostream& to, const product_case& c) {
  return to << c.rows << " rows, " << c.in << " to " << c.out << ", precision " << static_cast<int>(c.products)
            << (c.packed ? ", packed" : "") << ", live " << c.live << ", stride " << c.stride;
}

// x, w, b, residual, gamma, beta; what a product in bf16 rounds is rounded already where `exact`.
struct product_inputs {
  explicit product_inputs(const product_case& c, bool exact = false) {
    const int stride = c.stride > 0 ? c.stride : c.in;
    x = random_numbers(c.rows * stride, 1), w = random_numbers(c.out * c.in, 2), b = random_numbers(c.out, 3);
    residual = random_numbers(c.rows * c.out, 4), gamma = random_numbers(c.out, 5, 0.5, 1.5);
    beta = random_numbers(c.out, 6);
    if (exact && c.products == precision::bf16)
      for (numbers* v : {&x, &w})
        for (double& n : *v) n = static_cast<float>(bf16(static_cast<float>(n)));
    for (int r = std::max(c.live, 0); c.live >= 0 && r < c.rows; ++r) {
      std::fill_n(x.begin() + std::ptrdiff_t{r} * stride, stride, blip_test::nan);
      std::fill_n(residual.begin() + std::ptrdiff_t{r} * c.out, c.out, blip_test::nan);
    }
  }
  numbers x, w, b, residual, gamma, beta;
};

enum class way { affine, joined, in_three };

// y, and with `affine` what comes before the activation behind it; NaN where nothing was written.
template <class B>
numbers product_of(const product_case& c, way how, const product_inputs& v, typename B::options o = {}) {
  using S = typename B::scalar;
  bench<B> b(o);
  const int stride = c.stride > 0 ? c.stride : c.in;
  const auto poisoned = [&] {
    return b.matrix(numbers(static_cast<std::size_t>(c.rows * c.out), blip_test::nan), c.rows);
  };
  matrix_view<S> x = b.matrix(v.x, c.rows, stride, c.in);
  if (c.live >= 0) x.live = b.integers({c.live});
  auto y = poisoned(), pre = poisoned();
  y.live = pre.live = x.live;
  weight_view<S> w{b.matrix(v.w, c.out), nullptr};
  buffer<B, std::byte> packed;
  if constexpr (packs_weights<B>)
    if (c.packed) {
      packed = buffer<B, std::byte>(kernels<B>::packed_weight_bytes(b.dev(), c.out, c.in));
      kernels<B>::pack_weight(b.dev(), w, packed.data());
      w.data = nullptr, w.packed = packed.data();
    }
  const matrix_view<const S> bias = c.bias ? b.matrix(v.b, 1) : matrix_view<S>{};
  matrix_view<const S> residual = c.residual ? b.matrix(v.residual, c.rows) : matrix_view<S>{};
  residual.live = x.live;
  const auto gamma = b.matrix(v.gamma, 1), beta = b.matrix(v.beta, 1);
  constexpr double eps = 1e-5;
  if (how == way::joined) {
    if constexpr (requires { &kernels<B>::affine_norm; })
      kernels<B>::affine_norm(b.dev(), x, w, bias, c.act, residual, gamma, beta, eps, y);
  } else {
    const bool keeps = how == way::affine;
    kernels<B>::affine(b.dev(), x, w, bias, c.act, y, keeps ? pre : matrix_view<S>{});
    if (how == way::in_three) {
      if (c.residual) kernels<B>::residual(b.dev(), residual, y, {}, {}, y);
      kernels<B>::layer_norm(b.dev(), y, gamma, beta, eps, y, {});
    }
  }
  numbers found;
  for (const auto& m : {y, pre}) {
    std::vector<S> host(static_cast<std::size_t>(c.rows * c.out));
    memory<B>::copy_out(host.data(), m.data, host.size() * sizeof(S));
    for (const S n : host) found.push_back(static_cast<double>(n));
    if (how != way::affine) break;
  }
  return found;
}
numbers on_gpu(const product_case& c, way how, const product_inputs& v, std::uint64_t order = 0) {
  simt::run_options().seed = order;
  numbers found = product_of<cuda>(c, how, v, {.products = c.products});
  simt::run_options().seed = 0;
  return found;
}

// Without what belongs to rows that are not in use, which must still be NaN.
numbers in_use(const product_case& c, const numbers& v) {
  numbers kept;
  const int live = c.live >= 0 ? c.live : c.rows;
  for (std::size_t i = 0; i < v.size(); ++i)
    if (static_cast<int>(i) / c.out % c.rows < live)
      kept.push_back(v[i]);
    else
      CHECK(std::isnan(v[i]));
  return kept;
}

// The shapes: one part of a sum, several, several for each thread; rows that are 16 bytes apart, or not.
template <class F>
void each_case(F f) {
  for (const auto products : {precision::fp32, precision::bf16})
    for (const bool packed : {false, true}) {
      if (packed && products == precision::fp32) continue;
      for (const int rows : {1, 3, 4, 5, 17, 32})
        for (const auto& [in, out] : {std::pair{13, 7}, std::pair{24, 8}, std::pair{264, 12}})
          f(product_case{rows, in, out, products, packed});
      f(product_case{3, 2320, 5, products, packed});
      f(product_case{9, 24, 8, products, packed, 6});
      f(product_case{9, 24, 8, products, packed, 0});
      f(product_case{.rows = 9, .in = 24, .out = 8, .products = products, .packed = packed, .stride = 29});
      f(product_case{.rows = 4,
                     .in = 24,
                     .out = 9,
                     .products = products,
                     .packed = packed,
                     .bias = false,
                     .residual = false,
                     .act = activation::none});
    }
}

}  // namespace

TEST_CASE("cuda: products of few rows agree with the reference, whatever order blocks run in", "[cuda]") {
  each_case([](const product_case& c) {
    INFO(c);
    const product_inputs v(c, true);
    const numbers found = on_gpu(c, way::affine, v);
    const numbers expected = product_of<reference<double>>(c, way::affine, v);
    CHECK(worst_error(in_use(c, found), in_use(c, expected)) <= of_float.value);
    for (const std::uint64_t order : {1u, 2u}) CHECK(difference_of_bits(on_gpu(c, way::affine, v, order), found) == "");
  });
}

TEST_CASE("cuda: a product with residual and norm in one launch has the bits of three", "[cuda]") {
  each_case([](const product_case& c) {
    INFO(c);
    const product_inputs v(c, true);
    const numbers found = on_gpu(c, way::joined, v);
    CHECK(difference_of_bits(in_use(c, found), in_use(c, on_gpu(c, way::in_three, v))) == "");
    const numbers expected = product_of<reference<double>>(c, way::in_three, v);
    CHECK(worst_error(in_use(c, found), in_use(c, expected)) <= of_float.value);
    for (const std::uint64_t order : {1u, 2u}) CHECK(difference_of_bits(on_gpu(c, way::joined, v, order), found) == "");
  });
}

TEST_CASE("cuda: weights packed in bf16 give the bits of plain ones, in few rows and in many", "[cuda]") {
  for (const int rows : {1, 5, 32, 33, 40})
    for (const int in : {24, 13}) {
      product_case c{rows, in, 9, precision::bf16};
      INFO(c);
      const product_inputs v(c);
      const numbers plain = on_gpu(c, way::affine, v);
      c.packed = true;
      CHECK(difference_of_bits(on_gpu(c, way::affine, v), plain) == "");
      CHECK(worst_error(plain, product_of<reference<double>>(c, way::affine, v)) <= of_bf16.value);
    }
}

TEST_CASE("cuda: a row has the same bits alone and among up to 32, wherever it lies", "[cuda]") {
  for (const auto products : {precision::fp32, precision::bf16})
    for (const way how : {way::affine, way::joined}) {
      const product_case all{.rows = 32, .in = 264, .out = 12, .products = products};
      const product_inputs v(all);
      const numbers together = on_gpu(all, how, v);
      for (const int r : {0, 3, 8, 31})
        for (const int stride : {0, 265}) {
          product_case c = all;
          c.rows = 1, c.stride = stride;
          product_inputs one = v;
          one.x = rows_of(v.x, c.in, r, 1), one.residual = rows_of(v.residual, c.out, r, 1);
          one.x.resize(static_cast<std::size_t>(std::max(stride, c.in)), blip_test::nan);
          CHECK(difference_of_bits(rows_of(on_gpu(c, how, one), c.out, 0, 1), rows_of(together, c.out, r, 1)) == "");
        }
    }
}

TEST_CASE("cuda: packed weights and products of fp32 are refused", "[cuda]") {
  device<cuda> d({.products = precision::fp32});
  CHECK(kernels<cuda>::packed_weight_bytes(d, 3, 5) == 0);
  const buffer<cuda, float> x(2048), y(2048);
  const matrix_view<float> to{const_cast<float*>(y.data()), 1, 8, 8, nullptr};
  for (const int rows : {1, 40}) {
    const matrix_view<const float> from{x.data(), rows, 8, 8, nullptr};
    matrix_view<float> out = to;
    out.rows = rows;
    CHECK_THROWS_AS(
        kernels<cuda>::affine(d, from, {{nullptr, 8, 8, 8, nullptr}, x.data()}, {}, activation::none, out, {}),
        device_error);
  }
}

TEST_CASE("cuda: attention that appends has the bits of appending and attending", "[cuda]") {
  constexpr int heads = 3, slot = 45;
  const attention_spec spec{heads, 0.35, true, {}};
  const int width = GENERATE(24, 48);  // heads of 16 columns go to tensor cores, as products are of bf16
  // Rows that a sequence had and gets: one, some, more than a block takes.
  for (const auto& counts : {std::vector<std::pair<int, int>>{{0, 1}},
                             {{7, 1}, {0, 1}, {40, 1}},
                             {{3, 2}, {0, 5}, {9, 1}},
                             {{4, 40}, {2, 17}}}) {
    std::vector<int> places, new_begins, new_lengths, begins, lengths, positions;
    for (std::size_t s = 0; s < counts.size(); ++s) {
      const auto [before, fresh] = counts[s];
      new_begins.push_back(static_cast<int>(places.size())), new_lengths.push_back(fresh);
      begins.push_back(static_cast<int>(s) * slot), lengths.push_back(before + fresh), positions.push_back(before);
      for (int i = 0; i < fresh; ++i) places.push_back(static_cast<int>(s) * slot + before + i);
    }
    const int rows = static_cast<int>(places.size()), stored = static_cast<int>(counts.size()) * slot;
    numbers cache = random_numbers(stored * 2 * width, 2);
    for (std::size_t s = 0; s < counts.size(); ++s)  // nothing lies behind what a sequence had
      std::fill(cache.begin() + static_cast<std::ptrdiff_t>((static_cast<int>(s) * slot + counts[s].first) * 2 * width),
                cache.begin() + static_cast<std::ptrdiff_t>((static_cast<int>(s) + 1) * slot * 2 * width),
                blip_test::nan);
    const auto run = [&]<class B>(bench<B>& b, bool at_once) {
      packed_layout<B> ql(new_begins, new_lengths, rows);
      ql.positions(positions);
      const packed_layout<B> kl(begins, lengths, stored);
      const auto qkv = b.matrix(random_numbers(rows * 3 * width, 1), rows), kept = b.matrix(cache, stored);
      const auto y = b.matrix(numbers(static_cast<std::size_t>(rows * width), blip_test::nan), rows);
      const int* const at = b.integers(places);
      if constexpr (requires { &kernels<B>::attention_appending; })
        if (at_once) {
          kernels<B>::attention_appending(b.dev(), qkv, at, kept, ql, kl, spec, y);
          return b.all();
        }
      kernels<B>::scatter_rows(b.dev(), qkv.columns(width, 2 * width), at, kept);
      kernels<B>::attention(b.dev(), qkv.columns(0, width), kept.columns(0, width), kept.columns(width, width), ql, kl,
                            nullptr, spec, y, {});
      return b.all();
    };
    bench<cuda> apart;
    const numbers expected = run(apart, false);
    const std::uint64_t before = simt::work_done().mma;
    for (const std::uint64_t order : {0u, 1u, 2u}) {
      simt::run_options().seed = order;
      bench<cuda> at_once;
      CHECK(difference_of_bits(run(at_once, true), expected) == "");
      simt::run_options().seed = 0;
    }
    CHECK((simt::work_done().mma > before) == (width == 48));
    bench<reference<double>> oracle;
    numbers right = run(oracle, false), found = expected;
    CHECK(right.size() == found.size());
    for (std::size_t i = 0; i < right.size(); ++i) {
      CHECK(std::isnan(right[i]) == std::isnan(found[i]));
      if (std::isnan(right[i])) right[i] = found[i] = 0;
    }
    CHECK(worst_error(found, right) <= (width == 24 ? of_float.value : of_bf16.value));
  }
}
