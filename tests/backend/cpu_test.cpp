// SPDX-License-Identifier: Apache-2.0
//
// What the laws' small matrices do not reach: sizes beyond one block, precisions, packed weights.
#include <cstdlib>

#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/backend/reference.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/vit.hpp"
#include "blip/ops/narrowed.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/tolerance.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using tower = vit<vit_config{.width = 72, .heads = 3, .hidden = 288, .patch = 4}, cpu>;
const vit_options small{.depth = 2, .image_height = 76, .image_width = 76};

std::vector<float> pixels(int batch) {
  const numbers v = random_numbers(batch * 3 * 76 * 76, 5);
  return {v.begin(), v.end()};
}
numbers forward(const owned<tower, cpu>& m, const arena<cpu>& values, device<cpu>& d, const std::vector<float>& x) {
  inference_tape<cpu> t(d, values);
  constexpr int one = 3 * 76 * 76;
  const int batch = static_cast<int>(x.size()) / one;
  const auto y = to_host(m->forward(t, images<inference_tape<cpu>>(t.input({x.data(), batch, one, one, nullptr}), 3, 76, 76)));
  return {y.begin(), y.end()};
}

std::vector<cpu::options> ways() {
  std::vector<cpu::options> all{{.engine = gemm_engine::eigen}, {.engine = gemm_engine::eigen, .products = precision::bf16}};
  if (cpu_engines::has_onednn()) {
    all.push_back({.engine = gemm_engine::onednn});
    all.push_back({.engine = gemm_engine::onednn, .products = precision::bf16});
  }
  return all;
}
tolerance close(const cpu::options& o) { return o.products == precision::bf16 ? of_bf16 : of_float; }

struct product_case {
  int m, n, k;
};

}  // namespace

TEST_CASE("affine and its pullback agree with the reference at every edge of the blocking", "[backend]") {
  device<reference<double>> oracle;
  for (const product_case c : {product_case{1, 1, 1}, {1, 97, 300}, {7, 48, 256}, {9, 49, 257}, {23, 130, 513}, {700, 65, 31}}) {
    INFO(c.m << " x " << c.n << " x " << c.k);
    const numbers x = random_numbers(c.m * c.k, 1), w = random_numbers(c.n * c.k, 2), b = random_numbers(c.n, 3);
    const numbers dy = random_numbers(c.m * c.n, 4);
    const auto run = [&]<class B>(device<B>& d) {
      using S = typename B::scalar;
      const auto copy = [](const numbers& v) { return std::vector<S>(v.begin(), v.end()); };
      const std::vector<S> xs = copy(x), ws = copy(w), bs = copy(b), dys = copy(dy);
      std::vector<S> y(dy.size()), pre(dy.size()), dx(x.size(), S(1)), dw(w.size(), S(1)), db(b.size(), S(1));
      const auto view = [](auto& v, int rows, int width) {
        return matrix_view<std::remove_pointer_t<decltype(v.data())>>{v.data(), rows, width, width, nullptr};
      };
      const weight_view<S> weight{view(ws, c.n, c.k), nullptr};
      kernels<B>::affine(d, view(xs, c.m, c.k), weight, view(bs, 1, c.n), activation::gelu, view(y, c.m, c.n), view(pre, c.m, c.n));
      kernels<B>::affine_vjp(d, view(xs, c.m, c.k), weight, activation::gelu, view(pre, c.m, c.n), view(dys, c.m, c.n),
                             {view(dx, c.m, c.k), true}, {view(dw, c.n, c.k), true}, {view(db, 1, c.n), false});
      std::vector<numbers> all;
      for (const auto* v : {&y, &dx, &dw, &db}) all.emplace_back(v->begin(), v->end());
      return all;
    };
    const auto expected = run(oracle);
    for (cpu::options o : ways()) {
      INFO("engine " << static_cast<int>(o.engine) << " precision " << static_cast<int>(o.products));
      device<cpu> d(o);
      const auto found = run(d);
      for (std::size_t i = 0; i < found.size(); ++i)
        CHECK(worst_error(found[i], expected[i]) <= (i == 0 ? close(o).value : close(o).gradient));
      for (const int threads : {1, 3}) {
        o.threads = threads;
        device<cpu> other(o);
        const auto same = run(other);
        for (std::size_t i = 0; i < found.size(); ++i) CHECK(difference_of_bits(found[i], same[i]) == "");
      }
    }
  }
}

TEST_CASE("few rows have the bits that they have among many", "[backend]") {
  constexpr int most = 33;
  for (const auto& [n, k] : {std::pair(130, 513), {780, 768}, {200, 3072}}) {
    const numbers xs = random_numbers(most * k, 1), ws = random_numbers(n * k, 2);
    const std::vector<float> x(xs.begin(), xs.end()), w(ws.begin(), ws.end());
    for (cpu::options o : ways())
      for (const int threads : {1, 2, 5}) {
        o.threads = threads;
        device<cpu> d(o);
        const auto run = [&, n = n, k = k](int rows) {
          std::vector<float> y(static_cast<std::size_t>(rows) * static_cast<std::size_t>(n));
          kernels<cpu>::affine(d, {x.data(), rows, k, k, nullptr}, {{w.data(), n, k, k, nullptr}, nullptr}, {},
                               activation::gelu, {y.data(), rows, n, n, nullptr}, {});
          return numbers(y.begin(), y.end());
        };
        const numbers all = run(most);
        for (int rows = 1; rows < most; ++rows) {
          INFO("engine " << static_cast<int>(o.engine) << " precision " << static_cast<int>(o.products) << ", " << rows
                         << " rows of " << k << ", " << threads << " threads");
          CHECK(difference_of_bits(run(rows), numbers(all.begin(), all.begin() + rows * n)) == "");
        }
      }
  }
}

TEST_CASE("a tower has the same bits under 1, 2 and 3 threads", "[backend]") {
  const owned<tower, cpu> m(1, small);
  for (cpu::options o : ways()) {
    o.threads = 1;
    device<cpu> one(o);
    const numbers expected = forward(m, m.values(), one, pixels(2));
    for (const int threads : {2, 3}) {
      o.threads = threads;
      device<cpu> d(o);
      CHECK(difference_of_bits(forward(m, m.values(), d, pixels(2)), expected) == "");
    }
  }
}

TEST_CASE("a tower in training has the bits of inference, which goes through its MLPs in parts", "[backend]") {
  owned<tower, cpu> m(1, small);
  const std::vector<float> x = pixels(2);
  for (const cpu::options& o : ways()) {
    device<cpu> d(o);
    auto t = m.recording(d);
    const images<recording_tape<cpu>> input(t.input({x.data(), 2, 3 * 76 * 76, 3 * 76 * 76, nullptr}), 3, 76, 76);
    const auto y = to_host(m->forward(t, input));
    CHECK(difference_of_bits(forward(m, m.values(), d, x), numbers(y.begin(), y.end())) == "");
  }
}

TEST_CASE("what only a pullback reads is kept rounded where products round", "[backend]") {
  const numbers v = random_numbers(5 * 7, 3);
  const std::vector<float> x(v.begin(), v.end());
  const owned<tower, cpu> m(1, small);
  for (const cpu::options& o : ways()) {
    device<cpu> d(o);
    inference_tape<cpu> t(d, m.values());
    const auto kept = ops::narrowed(t, t.input({x.data(), 5, 7, 7, nullptr}));
    const auto back = ops::widened(t, kept, 7);
    CHECK(kept->value.width == (o.products == precision::bf16 ? 4 : 7));
    for (int r = 0; r < 5; ++r)
      for (int c = 0; c < 7; ++c) {
        const float given = x[static_cast<std::size_t>(r * 7 + c)];
        CHECK(back->value(r, c) == (o.products == precision::bf16 ? static_cast<float>(bf16(given)) : given));
      }
  }
}

TEST_CASE("a picture alone has the bits that it has in a batch", "[backend]") {
  const owned<tower, cpu> m(1, small);
  device<cpu> d({.engine = gemm_engine::eigen});
  const std::vector<float> x = pixels(3);
  const numbers all = forward(m, m.values(), d, x);
  const std::vector<float> second(x.begin() + 3 * 76 * 76, x.begin() + 2 * 3 * 76 * 76);
  const auto rows = static_cast<std::ptrdiff_t>(all.size() / 3);
  CHECK(difference_of_bits(forward(m, m.values(), d, second), numbers(all.begin() + rows, all.begin() + 2 * rows)) == "");
}

TEST_CASE("keys packed for many reads give the bits of plain ones", "[backend]") {
  constexpr int heads = 3, width = heads * 64, keys = 333, sequences = 2, most = 70;
  const numbers qn = random_numbers(2 * most * width, 1), kn = random_numbers(sequences * keys * 2 * width, 2);
  const std::vector<float> q(qn.begin(), qn.end()), kv(kn.begin(), kn.end());
  const auto kl = sequence_layout::uniform(sequences, keys);
  const matrix_view<const float> both{kv.data(), sequences * keys, 2 * width, 2 * width, nullptr};
  for (const precision p : {precision::fp32, precision::bf16}) {
    device<cpu> d({.threads = 2, .products = p});
    std::vector<float> packed(kernels<cpu>::packed_keys_size(d, kl, heads, width));
    CHECK(packed.size() < kv.size() * 11 / 10);
    kernels<cpu>::pack_keys(d, both.columns(0, width), both.columns(width, width), kl, heads, packed.data());
    const std::vector<int> source{1, 0};
    for (const int rows : {1, 3, 33, most}) {
      const auto ql = sequence_layout::uniform(2, rows);
      const auto run = [&](bool ready) {
        std::vector<float> y(static_cast<std::size_t>(2 * rows * width));
        attention_spec spec{heads, 0.125};
        spec.packed_keys = ready;
        const matrix_view<const float> k = ready ? matrix_view<const float>{packed.data(), sequences * keys, width, width, nullptr}
                                                 : both.columns(0, width);
        kernels<cpu>::attention(d, {q.data(), 2 * rows, width, width, nullptr}, k, both.columns(width, width), ql, kl,
                                source.data(), spec, {y.data(), 2 * rows, width, width, nullptr}, {});
        return numbers(y.begin(), y.end());
      };
      CHECK(difference_of_bits(run(true), run(false)) == "");
    }
  }
}

TEST_CASE("packed weights give what plain ones give", "[backend]") {
  const owned<tower, cpu> m(1, small);
  for (const cpu::options& o : ways()) {
    device<cpu> d(o);
    const arena<cpu> packed = pack(d, m.values().clone());
    CHECK(worst_error(forward(m, packed, d, pixels(1)), forward(m, m.values(), d, pixels(1))) <= close(o).value);
    CHECK_THROWS_AS(packed.read("pos_embed"), config_error);
  }
}

TEST_CASE("weights are packed where they are when they take as much room", "[backend]") {
  constexpr int most = 33, wide = 192, odd = 7;  // panels of all engines divide `wide` and not `odd`
  linear<linear_config{.in = wide, .out = 2 * wide}, cpu> even;
  linear<linear_config{.in = wide, .out = odd}, cpu> head;
  const auto layout = std::make_shared<arena_layout>();
  layout->place("even", even), layout->place("head", head);
  arena<cpu> plain(layout);
  const numbers w = random_numbers(static_cast<int>(plain.size()), 3), xs = random_numbers(most * wide, 4);
  std::copy(w.begin(), w.end(), plain.data());
  const std::vector<float> x(xs.begin(), xs.end());
  for (cpu::options o : ways()) {
    o.threads = 3;
    device<cpu> d(o);
    const auto run = [&](const arena<cpu>& values, int rows) {
      inference_tape<cpu> t(d, values);
      const auto in = t.template input<wide>({x.data(), rows, wide, wide, nullptr});
      auto y = to_host(even.forward(t, in));
      const auto z = to_host(head.forward(t, in));
      y.insert(y.end(), z.begin(), z.end());
      return numbers(y.begin(), y.end());
    };
    arena<cpu> values = plain.clone();
    const arena<cpu> packed = pack(d, std::move(values));
    const bool half = o.engine == gemm_engine::onednn && o.products == precision::bf16;
    CHECK((values.bytes() == 0) == !half);
    CHECK(packed.bytes() < plain.bytes() / 5 * 6);
    for (const int rows : {1, 2, 3, 5, 32, most}) CHECK(difference_of_bits(run(packed, rows), run(plain, rows)) == "");
  }
}

TEST_CASE("left alone, the processor takes oneDNN only where that is fast; told to, it refuses", "[backend][automatic]") {
  if (const char* const limit = std::getenv("ONEDNN_MAX_CPU_ISA"); limit && std::string(limit) == "AVX2")
    REQUIRE(!cpu_engines::has_onednn());
  CHECK(cpu_engines::chosen(gemm_engine::eigen) == gemm_engine::eigen);
  if (cpu_engines::has_onednn()) {
    CHECK(cpu_engines::chosen(gemm_engine::automatic) == gemm_engine::onednn);
    CHECK(cpu_engines::chosen(gemm_engine::onednn) == gemm_engine::onednn);
    return;
  }
  CHECK(cpu_engines::chosen(gemm_engine::automatic) == gemm_engine::eigen);
  const owned<tower, cpu> m(1, small);
  device<cpu> left_alone, eigen({.engine = gemm_engine::eigen}), onednn({.engine = gemm_engine::onednn});
  CHECK(difference_of_bits(forward(m, m.values(), left_alone, pixels(1)), forward(m, m.values(), eigen, pixels(1))) == "");
  CHECK_THROWS_AS(forward(m, m.values(), onednn, pixels(1)), device_error);
}

TEST_CASE("vector functions are as exact as they say", "[backend]") {
  float x[64], y[64];
  double worst_erf = 0, worst_exp = 0;
  for (int block = 0; block < 4000; ++block) {
    for (int i = 0; i < 64; ++i) x[i] = -8 + 16 * static_cast<float>(block * 64 + i) / 256000;
    simd::map(64, y, [](const simd::packet& v) { return simd::erf(v); }, x);
    for (int i = 0; i < 64; ++i) {
      const double exact = std::erf(static_cast<double>(x[i]));
      worst_erf = std::max(worst_erf, std::abs(static_cast<double>(y[i]) - exact) / std::max(1e-6, std::abs(exact)));
    }
    simd::map(64, y, [](const simd::packet& v) { return simd::exp2(v); }, x);
    for (int i = 0; i < 64; ++i) {
      const double exact = std::exp2(static_cast<double>(x[i]));
      worst_exp = std::max(worst_exp, std::abs(static_cast<double>(y[i]) - exact) / exact);
    }
  }
  CHECK(worst_erf < 5e-7);
  CHECK(worst_exp < 2.5e-7);
}
