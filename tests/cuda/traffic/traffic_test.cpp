// SPDX-License-Identifier: Apache-2.0
//
// What kernels that wait for memory ask of it, counted at every load and store on the emulated GPU: at most 1.15 times
// what each argument takes that is read or written once. Prints the table.
#include <cstdio>
#include <string>

#include "blip/backend/cuda.hpp"
#include "cuda/kernel_bench.hpp"
#include "goals/cost.hpp"
#include "support/simt/traffic.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using K = kernels<cuda>;
constexpr double bound = 1.15;

class table {
 public:
  table() { std::printf("| kernel | bytes needed | counted / needed | of blocks / needed | asked / needed |\n|---|---|---|---|---|\n"); }

  // `needed`: what goes through memory when nothing does so twice.
  template <class F>
  void operator()(const char* name, const goals::cost& needed, F run) {
    INFO(name);
    simt::reset_traffic();
    run();
    const simt::traffic found = simt::memory_traffic();
    const double floor = needed.read + needed.written;
    const auto share = [floor](std::uint64_t bytes) { return static_cast<double>(bytes) / floor; };
    std::printf("| %s | %.0f | %.3f | %.3f | %.3f |\n", name, floor, share(found.of_launches), share(found.of_blocks),
                share(found.asked));
    CHECK(share(found.of_launches) <= bound);
    CHECK(share(found.of_launches) >= 0.9);  // whoever counts nothing would pass
  }
};

numbers some(int n, int seed) { return random_numbers(n, static_cast<std::uint64_t>(seed)); }

}  // namespace

TEST_CASE("cuda: kernels that wait for memory move hardly more than they need", "[cuda][simt][traffic]") {
  using goals::passed;
  constexpr int rows = 256, width = 768, wide = 3072;
  table line;
  bench<cuda> b({.products = precision::bf16});
  auto& d = b.dev();
  const auto empty = [&](int r, int w) { return b.matrix(numbers(static_cast<std::size_t>(r * w)), r); };
  const auto x = b.matrix(some(rows * width, 1), rows), dy = b.matrix(some(rows * width, 2), rows), y = empty(rows, width),
             gamma = b.matrix(some(width, 3), 1), beta = b.matrix(some(width, 4), 1), stats = empty(rows, 2);
  const auto fresh = [&](int r, int w) { return b.ones(r, w, false); };
  const auto dx = fresh(rows, width), dbranch = fresh(rows, width), dgamma = fresh(1, width), dbeta = fresh(1, width);
  const auto layout = sequence_layout::uniform(16, rows / 16);

  const auto given = [](const auto& m) { return matrix_view<const float>(m); };

  line("layer_norm", passed(1, given(x), given(gamma), given(beta), y, stats),
       [&] { K::layer_norm(d, x, gamma, beta, 1e-6, y, stats); });
  line("layer_norm_vjp", passed(1, given(x), given(gamma), given(stats), given(dy), dx, dgamma, dbeta),
       [&] { K::layer_norm_vjp(d, x, gamma, stats, dy, dx, dgamma, dbeta); });
  line("residual", passed(1, given(x), given(dy), y), [&] { K::residual(d, x, dy, layout, {}, y); });
  const dropout_spec drop{0.1f, 0, {1, d.step(), 7}};
  line("residual, dropout", passed(1, given(x), given(dy), y), [&] { K::residual(d, x, dy, layout, drop, y); });
  line("residual_vjp, dropout", passed(1, given(dy), dx, dbranch),
       [&] { K::residual_vjp(d, dy, layout, drop, dx, dbranch); });
  line("scale", passed(1, given(x), y), [&] { K::scale(d, x, 2, y); });
  line("copy_columns", passed(1, given(x.columns(0, 384)), y.columns(384, 384)),
       [&] { K::copy_columns(d, x.columns(0, 384), y.columns(384, 384)); });
  line("activate", passed(1, given(x), y), [&] { K::activate(d, x, activation::gelu, y); });
  line("l2_normalize", passed(1, given(x), y, stats.columns(0, 1)),
       [&] { K::l2_normalize(d, x, y, {stats.data, rows, 1, 1, nullptr}); });
  line("l2_normalize_vjp", passed(1, given(y), given(stats.columns(0, 1)), given(dy), dx),
       [&] { K::l2_normalize_vjp(d, y, {stats.data, rows, 1, 1, nullptr}, dy, dx); });
  std::vector<int> order(rows);
  for (int i = 0; i < rows; ++i) order[static_cast<std::size_t>(i)] = i * 37 % rows;
  const int* const index = b.integers(order);
  line("gather_rows", passed(1, given(x), y), [&] { K::gather_rows(d, x, index, y); });
  line("scatter_rows", passed(1, given(x), y), [&] { K::scatter_rows(d, x, index, y); });

  // Tables of words, positions and patches.
  const auto words = b.matrix(some(rows * width, 5), rows), positions = b.matrix(some(16 * width, 6), 16);
  line("embed", passed(1, given(words), given(positions), y),
       [&] { K::embed(d, index, layout, words, positions, {}, y); });
  const patch_geometry geometry{3, 64, 64, 16};
  const auto pixels = b.matrix(some(16 * 3 * 64 * 64, 7), 16);
  const auto patches = empty(16 * geometry.patches(), geometry.patch_values());
  line("patchify", passed(1, given(pixels), patches), [&] { K::patchify(d, pixels, geometry, patches); });
  const auto grid = b.matrix(some(16 * 15 * width, 8), 16 * 15);
  line("tokens", passed(1, given(grid), given(gamma), given(positions), y),
       [&] { K::tokens(d, grid, gamma, positions, 16, y); });

  // Losses over rows as long as a vocabulary.
  constexpr int classes = 3056, some_rows = 24;
  const auto logits = b.matrix(some(some_rows * classes, 9), some_rows), teacher = b.matrix(some(some_rows * classes, 10), some_rows);
  const auto loss = empty(some_rows, 1), lse = empty(some_rows, 2), ones = b.matrix(numbers(some_rows, 1), some_rows);
  const auto dlogits = fresh(some_rows, classes);
  line("cross_entropy", passed(1, given(logits), loss, loss),
       [&] { K::cross_entropy(d, logits, index, 0.1, {}, 0, loss, {lse.data, some_rows, 1, 1, nullptr}); });
  line("cross_entropy_vjp", passed(1, given(logits), given(loss), given(ones), dlogits), [&] {
    K::cross_entropy_vjp(d, logits, index, 0.1, {}, 0, {lse.data, some_rows, 1, 1, nullptr}, ones, dlogits);
  });
  line("cross_entropy, teacher", passed(1, given(logits), given(teacher), loss, lse),
       [&] { K::cross_entropy(d, logits, index, 0, teacher, 0.4, loss, lse); });
  line("cross_entropy_vjp, teacher", passed(1, given(logits), given(teacher), given(lse), given(ones), dlogits),
       [&] { K::cross_entropy_vjp(d, logits, index, 0, teacher, 0.4, lse, ones, dlogits); });

  const buffer<cuda, float> best(some_rows * 8);
  const buffer<cuda, int> tokens(some_rows * 8);
  const buffer<cuda, double> sums(some_rows);
  line("best_tokens", passed(1, given(logits)), [&] {
    K::best_tokens(d, logits, 8, const_cast<float*>(best.data()), const_cast<int*>(tokens.data()),
                   const_cast<double*>(sums.data()));
  });

  // What a training step ends with.
  const auto value = b.matrix(some(rows * width, 11), rows), first = b.matrix(some(rows * width, 12), rows),
             second = b.matrix(numbers(rows * width, 1), rows);
  goals::cost step = passed(1, given(dy), value, first, second);
  step.read += step.written;
  line("adamw", step, [&] { const adamw_piece all[]{{0, rows * width, {.rate = 1e-3}}};
    K::adamw(d, std::span<const adamw_piece>(all), dy.data, value.data, first.data, second.data);
   });
  goals::cost average = passed(1, given(value), y);
  average.read += average.written;
  line("ema", average, [&] { K::ema(d, rows * width, 0.995, value.data, y.data); });

  // A token of a text: weights in bf16, and keys and values of a picture that the beams share.
  const auto hidden = b.matrix(some(3 * width, 13), 3), weight = b.matrix(some(wide * width, 14), wide), out = empty(3, wide);
  goals::cost product = passed(1, given(hidden), given(weight), out);
  line("affine, few rows", product, [&] { blip_cuda_affine_few(d, hidden, {weight, nullptr}, {}, activation::gelu, out, {}); });
  std::vector<std::uint16_t> halves(static_cast<std::size_t>(wide * width), 0x3f80);
  const buffer<cuda, std::uint16_t> packed{std::span<const std::uint16_t>(halves)};
  product.read -= 2.0 * wide * width;
  line("affine, few rows, weights in bf16", product,
       [&] { blip_cuda_affine_few(d, hidden, {{nullptr, wide, width, width, nullptr}, packed.data()}, {}, activation::gelu, out, {}); });
  const auto picture = b.matrix(some(577 * 2 * width, 15), 577);
  const int* const source = b.integers({0, 0, 0});
  line("attention, 3 beams of a picture", passed(1, given(hidden), given(picture), y.columns(0, 0), given(hidden)), [&] {
    K::attention(d, hidden, picture.columns(0, width), picture.columns(width, width), sequence_layout::uniform(3, 1),
                 sequence_layout::uniform(1, 577), source, {12, 0.125, false, {}}, {out.data, 3, width, width, nullptr}, {});
  });
}
