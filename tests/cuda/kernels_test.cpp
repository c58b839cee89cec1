// SPDX-License-Identifier: Apache-2.0
//
// What the laws' small matrices do not reach on the emulated GPU: several blocks, shares and passes, aligned and
// unaligned rows, products of bf16.
#include "cuda/kernel_bench.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("cuda: affine and its pullback agree with the reference, in fp32 and in bf16", "[cuda]") {
  for (const auto p : {precision::fp32, precision::bf16})
    for (const int width : {8, 13}) {
      INFO("width " << width << ", precision " << static_cast<int>(p));
      agree(
          [width]<class B>(bench<B>& b) {
            const auto x = b.matrix(random_numbers(7 * width, 1), 7), w = b.matrix(random_numbers(11 * width, 2), 11);
            const auto bias = b.matrix(random_numbers(11, 3), 1), dy = b.matrix(random_numbers(77, 4), 7);
            const auto y = b.matrix(numbers(77), 7), pre = b.matrix(numbers(77), 7);
            const weight_view<typename B::scalar> weight{w, nullptr};
            kernels<B>::affine(b.dev(), x, weight, bias, activation::gelu, y, pre);
            kernels<B>::affine_vjp(b.dev(), x, weight, activation::gelu, pre, dy, b.ones(7, width),
                                   b.ones(11, width, false), b.ones(1, 11));
          },
          {.products = p}, (p == precision::bf16 ? of_bf16 : of_float).gradient);
    }
}

TEST_CASE("cuda: sums over rows take several shares", "[cuda]") {
  const auto through = [](int rows, int width) {
    agree([=]<class B>(bench<B>& b) {
      const auto x = b.matrix(random_numbers(rows * width, 1), rows),
                 dy = b.matrix(random_numbers(rows * width, 2), rows);
      const auto gamma = b.matrix(random_numbers(width, 3), 1), beta = b.matrix(random_numbers(width, 4), 1);
      const auto y = b.matrix(numbers(static_cast<std::size_t>(rows * width)), rows);
      const auto stats = b.matrix(numbers(static_cast<std::size_t>(rows * 2)), rows), sum = b.matrix({0}, 1);
      kernels<B>::layer_norm(b.dev(), x, gamma, beta, 1e-6, y, stats);
      kernels<B>::layer_norm_vjp(b.dev(), x, gamma, stats, dy, b.ones(rows, width), b.ones(1, width),
                                 b.ones(1, width, false));
      kernels<B>::weighted_sum(b.dev(), x, dy, sum);
    });
  };
  // Rows that lie in the registers of a warp, in one to eight accesses, and those that do not.
  through(700, 40), through(130, 41), through(130, 300);
  for (const int width : {768, 1024, 1028}) through(70, width);
}

TEST_CASE("cuda: rows are read four numbers at a time only where they lie so", "[cuda]") {
  for (const int stride : {12, 13, 16})
    agree([stride]<class B>(bench<B>& b) {
      const auto x = b.matrix(random_numbers(5 * stride, 1), 5, stride, 12), y = b.matrix(numbers(60), 5);
      kernels<B>::scale(b.dev(), x, 2.5, y);
      kernels<B>::copy_columns(b.dev(), x.columns(1, 8), y.columns(4, 8));
      kernels<B>::clamp(b.dev(), y.columns(0, 4), -0.5, 0.75);
      kernels<B>::l2_normalize(b.dev(), x.columns(4, 8), y.columns(4, 8), {});
    });
}

TEST_CASE("cuda: a word that occurs in many rows adds up in their order", "[cuda]") {
  std::vector<int> ids;
  for (int i = 0; i < 150; ++i) ids.push_back(i * i % 7);
  agree([&]<class B>(bench<B>& b) {
    const auto dy = b.matrix(random_numbers(150 * 12, 1), 150);
    kernels<B>::embed_vjp(b.dev(), b.integers(ids), sequence_layout::uniform(10, 15), 4, dy, b.ones(7, 12),
                          b.ones(15, 12), b.ones(1, 12));
    kernels<B>::gather_rows_vjp(b.dev(), b.integers(ids), dy, b.ones(7, 12));
  });
}

TEST_CASE("cuda: patches whose rows are a multiple of four agree with the reference", "[cuda]") {
  const patch_geometry g{3, 8, 16, 4};
  agree([g]<class B>(bench<B>& b) {
    const auto pixels = b.matrix(random_numbers(2 * 384, 1), 2), y = b.matrix(numbers(768), 16);
    kernels<B>::patchify(b.dev(), pixels, g, y);
    kernels<B>::patchify_vjp(b.dev(), y, g, b.ones(2, 384));
  });
}

TEST_CASE("cuda: classes by the thousand agree with the reference", "[cuda]") {
  agree([]<class B>(bench<B>& b) {
    const auto logits = b.matrix(random_numbers(2 * 3001, 1, -6, 6), 2),
               teacher = b.matrix(random_numbers(2 * 3001, 2), 2);
    const auto loss = b.matrix(numbers(2), 2), lse = b.matrix(numbers(4), 2), dloss = b.matrix({0.5, -2}, 2);
    const int* labels = b.integers({2999, 0});
    kernels<B>::cross_entropy(b.dev(), logits, labels, 0.1, teacher, 0.4, loss, lse);
    kernels<B>::cross_entropy_vjp(b.dev(), logits, labels, 0.1, teacher, 0.4, lse, dloss, b.ones(2, 3001));
  });
}

TEST_CASE("cuda: heads of 40, 64 and 130 columns agree with the reference", "[cuda]") {
  for (const int head : {40, 64, 130})
    agree([head]<class B>(bench<B>& b) {
      const int width = 2 * head;
      const auto q = b.matrix(random_numbers(21 * width, 1), 21), k = b.matrix(random_numbers(50 * width, 2), 50);
      const auto v = b.matrix(random_numbers(50 * width, 3), 50), dy = b.matrix(random_numbers(21 * width, 4), 21);
      const auto y = b.matrix(numbers(static_cast<std::size_t>(21 * width)), 21), lse = b.matrix(numbers(42), 21);
      const auto ql = sequence_layout::uniform(1, 21), kl = sequence_layout::uniform(1, 50);
      const attention_spec spec{2, 0.2, true, {0.1f, 0, {3, nullptr, 9}}};
      kernels<B>::attention(b.dev(), q, k, v, ql, kl, nullptr, spec, y, lse);
      kernels<B>::attention_vjp(b.dev(), q, k, v, ql, kl, nullptr, spec, y, lse, dy, b.ones(21, width),
                                b.ones(50, width), b.ones(50, width, false));
    });
}

TEST_CASE("cuda: contrast of features of 100 and 300 columns agrees with the reference", "[cuda]") {
  for (const int width : {100, 300})
    agree([width]<class B>(bench<B>& b) {
      const auto queries = b.matrix(random_numbers(19 * width, 1, -0.1, 0.1), 19),
                 keys = b.matrix(random_numbers(540 * width, 2), 540);
      const auto teacher = b.matrix(random_numbers(19 * width, 3, -0.1, 0.1), 19), tau = b.matrix({0.7}, 1);
      const auto loss = b.matrix(numbers(19), 19), stats = b.matrix(numbers(38), 19),
                 dloss = b.matrix(random_numbers(19, 5), 19);
      contrast_inputs<typename B::scalar> c;
      c.queries = queries, c.teacher = teacher, c.temperature = tau, c.alpha = 0.4;
      c.batch = {keys.data, 30, width, width, nullptr}, c.queue = {keys.row(30), 510, width, width, nullptr};
      kernels<B>::contrast(b.dev(), c, loss, stats);
      kernels<B>::contrast_vjp(b.dev(), c, stats, dloss, b.ones(19, width), b.ones(1, 1));
    });
}

TEST_CASE("cuda: a step of AdamW, an average and a norm agree with the reference", "[cuda]") {
  constexpr int n = 9 * 1024;
  // One piece, of several blocks, the last of them not whole; more pieces and more different steps than one launch takes.
  std::vector<adamw_piece> large{{16, 8195, {1e-2, 0.9, 0.98, 1e-8, 0.05, 0.1, 0.02, 0.5}}}, many, different;
  for (int i = 0; i < 300; ++i) {
    many.push_back({32 * i, 1 + i % 17, {.rate = 1e-2, .decay = i % 2 * 0.1, .correction1 = 0.1, .correction2 = 0.02}});
    if (i < 20) different.push_back({32 * i, 15, {.rate = 1e-3 * i, .correction1 = 0.1, .correction2 = 0.02}});
  }
  for (const auto* pieces : {&large, &many, &different})
    agree([&]<class B>(bench<B>& b) {
      const auto m = [&](std::uint64_t seed, double low) { return b.matrix(random_numbers(n + 1024, seed, low, 1), 1); };
      const auto gradient = m(1, -1), value = m(2, -1), first = m(3, -1), second = m(4, 0), target = m(5, -1);
      kernels<B>::adamw(b.dev(), std::span<const adamw_piece>(*pieces), gradient.data, value.data, first.data, second.data);
      kernels<B>::ema(b.dev(), n - 1, 0.99, value.data, target.data);
      const buffer<B, double> norm(1);
      kernels<B>::squared_norm(b.dev(), n, value.data, const_cast<double*>(norm.data()));
      b.matrix(norm.to_host(), 1);
    });
}

TEST_CASE("cuda: a query alone in its sequence agrees with the reference, with the bits that others have", "[cuda]") {
  // Where sums are kept, the kernel for many queries runs.
  for (const int head : {4, 13, 64, 128})
    for (const int keys : {1, 31, 64, 65, 300, 577}) {
      INFO("head " << head << ", keys " << keys);
      const int width = 2 * head;
      numbers plain, kept;
      for (numbers* const found : {&plain, &kept})
        agree([&]<class B>(bench<B>& b) {
          const auto q = b.matrix(random_numbers(3 * width, 1), 3);
          const auto kv = b.matrix(random_numbers(2 * keys * 2 * width, 2), 2 * keys);
          const auto y = b.matrix(numbers(static_cast<std::size_t>(3 * width), 7), 3), lse = b.matrix(numbers(6), 3);
          kernels<B>::attention(b.dev(), q, kv.columns(0, width), kv.columns(width, width),
                                sequence_layout::uniform(3, 1), sequence_layout::uniform(2, keys),
                                b.integers({1, 0, 1}), {2, 0.3, false, {}}, y,
                                found == &kept ? lse : matrix_view<typename B::scalar>{});
          if constexpr (std::is_same_v<B, cuda>) {
            std::vector<float> host(static_cast<std::size_t>(3 * width));
            memory<B>::copy_out(host.data(), y.data, host.size() * sizeof(float));
            found->assign(host.begin(), host.end());
          }
        });
      CHECK(difference_of_bits(plain, kept) == "");
    }
}

TEST_CASE("cuda: the best tokens of a row come in their order, of equal ones the first", "[cuda][generate]") {
  constexpr int rows = 3, width = 1300;
  numbers v = random_numbers(rows * width, 1);
  for (double& x : v) x = static_cast<double>(static_cast<float>(std::round(x * 40) / 8));  // many are equal
  for (int c = 0; c < width; ++c) v[static_cast<std::size_t>(2 * width + c)] = c % 7 == 0 ? 0.25 : -INFINITY;
  for (const int count : {1, 7, 128}) {
    bench<cuda> gpu;
    const auto logits = gpu.matrix(v, rows);
    const buffer<cuda, float> best(static_cast<std::size_t>(rows * count));
    const buffer<cuda, int> tokens(static_cast<std::size_t>(rows * count));
    const buffer<cuda, double> sums(rows);
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      simt::run_options().seed = seed;
      kernels<cuda>::best_tokens(gpu.dev(), logits, count, const_cast<float*>(best.data()),
                                 const_cast<int*>(tokens.data()), const_cast<double*>(sums.data()));
      const auto found = best.to_host();
      const auto found_tokens = tokens.to_host();
      for (int r = 0; r < rows; ++r) {
        std::vector<std::pair<double, int>> all;
        double mass = 0;
        for (int c = 0; c < width; ++c) {
          const double x = at(v, r * width + c);
          all.emplace_back(-x, c), mass += std::exp(x);
        }
        std::sort(all.begin(), all.end());
        for (int i = 0; i < count; ++i) {
          CHECK(at(found_tokens, r * count + i) == at(all, i).second);
          CHECK(static_cast<double>(at(found, r * count + i)) == -at(all, i).first);
        }
        CHECK(std::abs(sums.to_host()[static_cast<std::size_t>(r)] - std::log(mass)) < 1e-12);
      }
    }
    simt::run_options().seed = 0;
  }
}
