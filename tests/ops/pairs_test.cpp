// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "blip/backend/cpu.hpp"
#include "blip/core/packed_layout.hpp"
#include "blip/ops/assign_pairs.hpp"
#include "blip/ops/hard_negatives.hpp"
#include "blip/ops/matching_pairs.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using B = cpu;

namespace {

struct bench {
  device<B> dev;
  arena<B> none;
  inference_tape<B> tape{dev, none, {.seed = 7}};

  scores<inference_tape<B>> given(int rows, const std::vector<float>& values) {
    return scores<inference_tape<B>>(tape.input({values.data(), rows, static_cast<int>(values.size()) / rows,
                                                 static_cast<int>(values.size()) / rows, nullptr}));
  }
};

}  // namespace

// O13
TEST_CASE("hard negatives: frequencies follow the weights, and the own pair is never drawn", "[ops][pairs]") {
  bench b;
  constexpr int n = 5, trials = 20000;
  std::vector<float> s(n * n);
  for (std::size_t i = 0; i < s.size(); ++i) s[i] = static_cast<float>(i * 7 % 11) / 4;
  std::vector<std::vector<double>> seen(n, std::vector<double>(n, 0));
  for (int trial = 0; trial < trials; ++trial) {
    b.dev.set_step(static_cast<std::uint64_t>(trial));
    const int* const drawn = ops::hard_negatives(b.tape, b.given(n, s), {.epsilon = 0.01});
    for (int r = 0; r < n; ++r) ++seen[static_cast<std::size_t>(r)][static_cast<std::size_t>(drawn[r])];
  }
  for (int r = 0; r < n; ++r) {
    double total = 0, mass = 0, chi = 0;
    std::vector<double> weight(n);
    for (int c = 0; c < n; ++c) total += std::exp(s[static_cast<std::size_t>(r * n + c)]);
    for (int c = 0; c < n; ++c) {
      const auto k = static_cast<std::size_t>(c);
      weight[k] = r == c ? 0 : std::exp(s[static_cast<std::size_t>(r * n + c)]) / total + 0.01, mass += weight[k];
    }
    CHECK(seen[static_cast<std::size_t>(r)][static_cast<std::size_t>(r)] == 0);
    for (int c = 0; c < n; ++c) {
      if (c == r) continue;
      const double expected = trials * weight[static_cast<std::size_t>(c)] / mass;
      chi += std::pow(seen[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)] - expected, 2) / expected;
    }
    CHECK(chi < 21.1);  // 3 degrees of freedom, p = 1e-4
  }
}

TEST_CASE("hard negatives: pictures of one id are never each other's", "[ops][pairs]") {
  bench b;
  const std::vector<int> ids{4, 9, 4, 4, 9};
  const std::vector<float> s(25, 0.5f);
  for (int trial = 0; trial < 500; ++trial) {
    b.dev.set_step(static_cast<std::uint64_t>(trial));
    const int* const drawn = ops::hard_negatives(b.tape, b.given(5, s), {.row_ids = ids.data(), .candidate_ids = ids.data()});
    for (std::size_t r = 0; r < 5; ++r) REQUIRE(ids[static_cast<std::size_t>(drawn[r])] != ids[r]);
  }
}

TEST_CASE("hard negatives: a row whose other weights vanish draws evenly", "[ops][pairs]") {
  bench b;
  std::vector<float> s(16, -3e4f);
  for (std::size_t i = 0; i < 4; ++i) s[i * 5] = 3e4f;  // collapsed onto the diagonal
  std::map<int, int> seen;
  for (int trial = 0; trial < 3000; ++trial) {
    b.dev.set_step(static_cast<std::uint64_t>(trial));
    ++seen[ops::hard_negatives(b.tape, b.given(4, s), {})[0]];
  }
  CHECK(seen.size() == 3);
  for (const auto& [choice, times] : seen) CHECK((choice != 0 && times > 850 && times < 1150));
}

TEST_CASE("hard negatives: several draws of a row differ", "[ops][pairs]") {
  bench b;
  const std::vector<float> s(25, 0.5f);
  for (int trial = 0; trial < 300; ++trial) {
    b.dev.set_step(static_cast<std::uint64_t>(trial));
    const int* const drawn = ops::hard_negatives(b.tape, b.given(5, s), {.draws = 2});
    for (int r = 0; r < 5; ++r) REQUIRE((drawn[r] != drawn[5 + r] && drawn[r] != r && drawn[5 + r] != r));
  }
}

TEST_CASE("hard negatives: a batch of one has none", "[ops][pairs]") {
  bench b;
  CHECK_THROWS_AS(ops::hard_negatives(b.tape, b.given(1, {0.5f}), {}), shape_error);
}

TEST_CASE("matching pairs: three times the batch over the same pictures, without padding", "[ops][pairs]") {
  bench b;
  const packed_layout<B> texts(std::vector<int>{2, 4, 3});
  const std::vector<int> image{2, 0, 1}, text{1, 2, 1};
  const ops::text_pairs p = ops::matching_pairs(b.tape, texts, 0, 3, 9, image.data(), text.data());
  CHECK(p.layout.rows == 2 * 9 + 3 * 4);
  CHECK(*p.layout.live == 9 + 9 + 4 + 3 + 4);
  const std::vector<int> lengths(p.layout.lengths, p.layout.lengths + 9), images(p.images, p.images + 9);
  CHECK(lengths == std::vector<int>{2, 4, 3, 2, 4, 3, 4, 3, 4});
  CHECK(images == std::vector<int>{0, 1, 2, 2, 0, 1, 0, 1, 2});
  for (int s = 0; s < 9; ++s) {
    const int whose = s < 6 ? s % 3 : text[static_cast<std::size_t>(s - 6)];
    for (int i = 0; i < lengths[static_cast<std::size_t>(s)]; ++i)
      CHECK(p.rows[p.layout.begin(s) + i] == texts.view().begin(whose) + i);
  }
}

TEST_CASE("text assignment: a text reads its own picture and a negative, or two different negatives", "[ops][pairs]") {
  bench b;
  constexpr int n = 4;
  const std::vector<int> labels{0, 1, 2, 2};
  for (std::uint64_t step = 0; step < 50; ++step) {
    b.dev.set_step(step);
    const int* const drawn = ops::hard_negatives(b.tape, b.given(n, std::vector<float>(n * n, 0)), {.draws = 2});
    const int* const read = ops::assign_pairs(b.tape, labels.data(), drawn, n);
    for (int r = 0; r < n; ++r) {
      const int first = read[r], second = read[n + r];
      CHECK(first != second);
      CHECK((labels[static_cast<std::size_t>(r)] == 0) == (first == r));
      CHECK((labels[static_cast<std::size_t>(r)] == 1) == (second == r));
    }
  }
}
