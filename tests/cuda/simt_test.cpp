// SPDX-License-Identifier: Apache-2.0
//
// The emulated GPU itself: what must hold so that kernels which pass on it can be believed.
#include <functional>
#include <numeric>
#include <vector>

#include "blip/backend/cuda.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "support/simt/cuda_runtime.h"

using namespace blip;
using namespace blip_test;

namespace {

using floats = std::vector<float>;

floats random_floats(int n, std::uint64_t seed) {
  const numbers v = random_numbers(n, seed);
  return {v.begin(), v.end()};
}
floats on_gpu(const std::function<void(device<cuda>&, matrix_view<float>)>& kernel, int rows, int width,
              precision products = precision::fp32) {
  device<cuda> d({.products = products});
  buffer<cuda, float> y(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
  kernel(d, {y.data(), rows, width, width, nullptr});
  return y.to_host();
}
bool same(const floats& a, const floats& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

// Every order gives one result; without any one of its barriers a kernel gives another, or none, in some order. Blocks
// run one after the other, so a barrier before other blocks are told something makes no difference: `for_others`.
void check_barriers(const std::function<floats()>& run, int expected_sites, int for_others = -1) {
  auto& o = simt::run_options();
  simt::reset_barrier_sites();
  const floats right = run();
  for (const float x : right) REQUIRE(std::isfinite(x));
  const int sites = simt::barrier_sites();
  CHECK(sites == expected_sites);
  for (o.seed = 1; o.seed < 4; ++o.seed) CHECK(same(run(), right));
  for (int site = 0; site < sites; ++site) {
    if (site == for_others) continue;
    INFO("barrier " << site);
    bool seen = false;
    o.without_barrier = site;
    for (o.seed = 0; o.seed < 8 && !seen; ++o.seed) seen = !same(run(), right);
    CHECK(seen);
    o.without_barrier = -1;
  }
  o.seed = 0;
}

void simulate(unsigned blocks, unsigned threads, std::size_t shared, void (*kernel)(int*), int* result) {
  cudaLaunchConfig_t c;
  c.gridDim = blocks, c.blockDim = threads, c.dynamicSmemBytes = shared;
  cudaLaunchKernelEx(&c, kernel, result);
}

}  // namespace

TEST_CASE("simt: a missing barrier shows in attention and its pullback, in contrast and in cross entropy",
          "[cuda][simt]") {
  const buffer<cuda, float> q{random_floats(40 * 36, 1)}, keys{random_floats(1100 * 8, 2)},
      logits{random_floats(3 * 700, 3)};
  const buffer<cuda, float> temperature{floats{0.3f}};
  const buffer<cuda, int> labels{std::vector<int>{3, 699, 11}};
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const auto part = [&](int first) {
                return matrix_view<const float>{q.data() + first, 40, 12, 36, nullptr};
              };
              const auto layout = sequence_layout::uniform(1, 40);
              const attention_spec spec{2, 0.4, false, {}};
              const auto columns = [&](int first) { return gradient_view<float>{y.columns(first, 12), false}; };
              const scratch<cuda, float> sums(d, 80);
              const matrix_view<float> lse{sums.data(), 40, 2, 2, nullptr};
              kernels<cuda>::attention(d, part(0), part(12), part(24), layout, layout, nullptr, spec, columns(0), lse);
              kernels<cuda>::attention_vjp(d, part(0), part(12), part(24), layout, layout, nullptr, spec, columns(0),
                                           lse, part(24), columns(12), columns(24), columns(36));
            },
            40, 48);
      },
      8);
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const scratch<cuda, float> stats(d, 10);
              contrast_inputs<float> c;
              c.queries = {q.data(), 5, 8, 8, nullptr}, c.batch = {keys.data(), 5, 8, 8, nullptr};
              c.queue = {keys.data() + 40, 1095, 8, 8, nullptr}, c.temperature = {temperature.data(), 1, 1, 1, nullptr};
              kernels<cuda>::contrast(d, c, y, {stats.data(), 5, 2, 2, nullptr});
            },
            5, 1);
      },
      2);
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const scratch<cuda, float> lse(d, 3);
              kernels<cuda>::cross_entropy(d, {logits.data(), 3, 700, 700, nullptr}, labels.data(), 0.1, {}, 0, y,
                                           {lse.data(), 3, 1, 1, nullptr});
            },
            3, 1);
      },
      2);
}

TEST_CASE("simt: a missing barrier shows in attention on tensor cores and its pullback", "[cuda][simt]") {
  const int rows = 70, head = 16;
  const buffer<cuda, float> q{random_floats(rows * 3 * head, 1)};
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const auto part = [&](int i) {
                return matrix_view<const float>{q.data() + i * head, rows, head, 3 * head, nullptr};
              };
              const auto layout = sequence_layout::uniform(1, rows);
              const attention_spec spec{1, 0.4, false, {}};
              const auto columns = [&](int i) { return gradient_view<float>{y.columns(i * head, head), false}; };
              const scratch<cuda, float> sums(d, rows);
              const matrix_view<float> lse{sums.data(), rows, 1, 1, nullptr};
              kernels<cuda>::attention(d, part(0), part(1), part(2), layout, layout, nullptr, spec, columns(0), lse);
              kernels<cuda>::attention_vjp(d, part(0), part(1), part(2), layout, layout, nullptr, spec, columns(0), lse,
                                           part(2), columns(1), columns(2), columns(3));
            },
            rows, 4 * head, precision::bf16);
      },
      6);
}

TEST_CASE("simt: a missing barrier shows in products of few rows with a norm, and in attention that appends",
          "[cuda][simt]") {
  const buffer<cuda, float> x{random_floats(9 * 520, 1)}, w{random_floats(10 * 520, 2)}, norm{random_floats(36, 3)};
  const matrix_view<const float> h{x.data(), 9, 520, 520, nullptr}, gamma{norm.data(), 1, 10, 10, nullptr},
      beta{norm.data() + 10, 1, 10, 10, nullptr};
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const weight_view<float> weight{{w.data(), 10, 520, 520, nullptr}, nullptr};
              kernels<cuda>::affine_norm(d, h, weight, {}, activation::none, {}, gamma, beta, 1e-5, y);
            },
            9, 10);
      },
      3, 1);
  check_barriers(  // the pullback of a norm, whose warps share the sums over rows
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const scratch<cuda, float> given(d, 2 * 130);
              const matrix_view<const float> a{x.data(), 130, 36, 36, nullptr}, row{norm.data(), 1, 36, 36, nullptr};
              kernels<cuda>::layer_norm(d, a, row, row, 1e-5, y, {given.data(), 130, 2, 2, nullptr});
              const gradient_view<float> dx{y.columns(0, 36), false};
              buffer<cuda, float> sums(72);
              kernels<cuda>::layer_norm_vjp(d, a, row, {given.data(), 130, 2, 2, nullptr}, a, dx,
                                            {{sums.data(), 1, 36, 36, nullptr}, false},
                                            {{sums.data() + 36, 1, 36, 36, nullptr}, false});
              for (int i = 0; i < 2; ++i) memory<cuda>::copy(y.row(i), sums.data() + 36 * i, 36 * sizeof(float));
            },
            130, 36);
      },
      2);
  const buffer<cuda, int> places{std::vector<int>{0, 1, 2}};
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const scratch<cuda, float> cache(d, 3 * 24);
              memory<cuda>::zero(cache.data(), 3 * 24 * sizeof(float));
              const auto layout = sequence_layout::uniform(1, 3);
              kernels<cuda>::attention_appending(d, {x.data(), 3, 36, 36, nullptr}, places.data(),
                                                 {cache.data(), 3, 24, 24, nullptr}, layout, layout, {2, 0.4, true, {}},
                                                 y);
            },
            3, 12);
      },
      3);
  const int many = 70;
  std::vector<int> in_order(many);
  std::iota(in_order.begin(), in_order.end(), 0);
  const buffer<cuda, float> qkv{random_floats(many * 48, 5)};
  const buffer<cuda, int> kept{in_order};
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {  // by tensor cores
              const scratch<cuda, float> cache(d, many * 32);
              memory<cuda>::zero(cache.data(), many * 32 * sizeof(float));
              const auto layout = sequence_layout::uniform(1, many);
              kernels<cuda>::attention_appending(d, {qkv.data(), many, 48, 48, nullptr}, kept.data(),
                                                 {cache.data(), many, 32, 32, nullptr}, layout, layout,
                                                 {1, 0.4, true, {}}, y);
            },
            many, 16, precision::bf16);
      },
      2);
  floats growing = random_floats(600 * 24, 4);  // later tiles have larger scores
  for (std::size_t i = 0; i < growing.size(); ++i)
    growing[i] = (growing[i] + 2.0f) * (1.0f + static_cast<float>(i) / 3000.0f);
  const buffer<cuda, float> kv{std::span<const float>(growing)};
  check_barriers(
      [&] {
        return on_gpu(
            [&](auto& d, auto y) {
              const matrix_view<const float> k{kv.data(), 600, 12, 24, nullptr},
                  v{kv.data() + 12, 600, 12, 24, nullptr};
              kernels<cuda>::attention(d, {kv.data(), 1, 12, 12, nullptr}, k, v, sequence_layout::uniform(1, 1),
                                       sequence_layout::uniform(1, 600), nullptr, {2, 0.4, false, {}}, y, {});
            },
            1, 12);
      },
      5);
}

TEST_CASE("simt: every thread runs once, with its own numbers", "[cuda][simt]") {
  std::vector<int> seen(2 * 96, 0);
  simulate(
      2, 96, 0, [](int* to) { ++to[blockIdx.x * blockDim.x + threadIdx.x]; }, seen.data());
  CHECK(seen == std::vector<int>(2 * 96, 1));
}

TEST_CASE("simt: lanes exchange numbers, whatever order warps run in", "[cuda][simt]") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    simt::run_options().seed = seed;
    std::vector<int> sums(128, -1);
    simulate(
        1, 128, 0,
        [](int* to) {
          int x = static_cast<int>(threadIdx.x);
          for (int other = 16; other > 0; other /= 2) x += __shfl_xor_sync(0xffffffffu, x, other);
          const unsigned odd = __ballot_sync(0xffffffffu, threadIdx.x % 2 == 1);
          to[threadIdx.x] = odd == 0xaaaaaaaau ? x : -1;
        },
        sums.data());
    for (int t = 0; t < 128; ++t) CHECK(at(sums, t) == t / 32 * 1024 + 496);
  }
  simt::run_options().seed = 0;
}

TEST_CASE("simt: a barrier that not all reach is a fault, and so is a lane that never comes", "[cuda][simt]") {
  int unused = 0;
  CHECK_THROWS_AS(simulate(
                      1, 64, 0,
                      [](int* to) {
                        if (threadIdx.x < 32)
                          __syncthreads();
                        else
                          *to = __shfl_sync(threadIdx.x == 40 ? 0xffffu : 0xffffffffu, 1, 0);
                      },
                      &unused),
                  simt::fault);
  CHECK_THROWS_AS(simulate(
                      1, 32, 0,
                      [](int* to) {
                        if (threadIdx.x < 31) *to = __shfl_sync(0xffffffffu, 1, 0);
                      },
                      &unused),
                  simt::fault);
}

TEST_CASE("simt: memory written behind its end is a fault, and shared memory begins as NaN", "[cuda][simt]") {
  int first = 0;
  simulate(
      1, 32, 16,
      [](int* to) {
        float x;
        std::memcpy(&x, blip_dynamic_shared, sizeof x);
        *to = std::isnan(x) ? 1 : 2;
      },
      &first);
  CHECK(first == 1);
  if (simt::ends_are_guarded) return;
  CHECK_THROWS_AS(simulate(
                      1, 32, 16, [](int*) { blip_dynamic_shared[16 + threadIdx.x] = 0; }, &first),
                  simt::fault);
  auto* const p = static_cast<unsigned char*>(simt::allocate(100));
  CHECK(p[99] == 0xff);
  p[100] = 0;
  CHECK_THROWS_AS(simt::release(p), simt::fault);
  p[100] = 0xa5;
  simt::release(p);
}

TEST_CASE("simt: too large a block or too much shared memory is a fault", "[cuda][simt]") {
  int unused = 0;
  CHECK_THROWS_AS(simulate(
                      1, 1025, 0, [](int*) {}, &unused),
                  simt::fault);
  CHECK_THROWS_AS(simulate(
                      1, 32, simt::most_shared + 1, [](int*) {}, &unused),
                  simt::fault);
}

TEST_CASE("cuda: all memory is given back", "[cuda]") {
  const std::size_t before = simt::allocated();
  on_gpu([](auto& d, auto y) { kernels<cuda>::squared_norm(d, 1, y.data, reinterpret_cast<double*>(y.data)); }, 2, 1);
  CHECK(simt::allocated() == before);
}

TEST_CASE("cuda: a device of another GPU than the selected one is refused", "[cuda]") {
  device<cuda> d({.ordinal = 1});
  CHECK_THROWS_AS(kernels<cuda>::ema(d, 0, 0.5, nullptr, nullptr), device_error);
  CHECK_THROWS_AS(select_gpu(1), device_error);
  select_gpu(0);
}

TEST_CASE("cuda: heads and features that are too wide are refused", "[cuda]") {
  device<cuda> d;
  const auto layout = sequence_layout::uniform(1, 1);
  const buffer<cuda, float> x(1024), y(1024);
  const matrix_view<const float> wide{x.data(), 1, 257, 257, nullptr};
  CHECK_THROWS_AS(kernels<cuda>::attention(d, wide, wide, wide, layout, layout, nullptr, {1, 1, false, {}},
                                           {const_cast<float*>(y.data()), 1, 257, 257, nullptr}, {}),
                  device_error);
}
