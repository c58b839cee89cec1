// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "blip/backend/reference.hpp"
#include "blip/losses/itc.hpp"
#include "blip/models/towers.hpp"
#include "blip/models/vision_language_model.hpp"
#include "blip/train/training_state.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

namespace {

using namespace blip;
using namespace blip_test;
using exact = reference<double>;

constexpr vit_config vision{.width = 12, .heads = 2, .hidden = 20, .patch = 4};
constexpr text_config text{.width = 12, .heads = 3, .hidden = 20};
constexpr itc_config features{.width = 6, .momentum = false};
using clip = vision_language_model<towers<encoder_structure(vision, text), exact>, itc<features>>;

constexpr int pairs = 5, extent = 8;

struct setting {
  training_state<clip> state{{.seed = 3},
                             tower_options{{.depth = 1, .image_height = extent, .image_width = extent},
                                           {.layers = 1, .embedding = {.vocabulary = 17, .positions = 8}},
                                           {}},
                             itc<features>()};
  device<exact> dev;
  std::vector<double> pixels = random_numbers(pairs * 3 * extent * extent, 5);

  struct outcome {
    double loss;
    std::vector<double> i2t, t2i, gradient;
  };
  outcome of(std::vector<int> ids) {
    examples e{{{1, 5, 2}, {1, 6, 2}, {1, 7, 8, 2}, {1, 9, 2}, {1, 10, 11, 2}}, std::move(ids)};
    const auto batch = state->prepare({pixels.data(), pairs, 3, extent, extent}, e);
    outcome out;
    state.begin(dev);
    auto t = state.recording(dev);
    std::vector<double> image, words;
    const auto look = [&](std::string_view name, const matrix_view<const double>& m) {
      if (name == "image_feature") image = to_host<exact>(m);
      if (name == "text_feature") words = to_host<exact>(m);
    };
    const step_observer<exact> keep(look);
    const auto losses = state->loss(t, state.carried(), batch, {.observe = &keep});
    out.loss = to_host(losses.total)[0];
    t.backward(losses.total);
    for (int i = 0; i < pairs; ++i)
      for (int j = 0; j < pairs; ++j) {
        double s = 0;
        for (int k = 0; k < 6; ++k)
          s += image[static_cast<std::size_t>(6 * i + k)] * words[static_cast<std::size_t>(6 * j + k)];
        out.i2t.push_back(s / 0.07);
      }
    const auto& g = state.gradients().values();
    out.gradient.assign(g.data(), g.data() + g.size());
    return out;
  }
};

// Mean over rows of  lse_i - mean of the scores of the columns of the same id.
double by_hand(const std::vector<double>& s, const std::vector<int>& ids, bool transposed) {
  double total = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    double lse = 0, shared = 0, same = 0;
    for (std::size_t j = 0; j < pairs; ++j) {
      const double x = transposed ? s[j * pairs + i] : s[i * pairs + j];
      lse += std::exp(x);
      if (ids[i] == ids[j]) shared += x, same += 1;
    }
    total += std::log(lse) - shared / same;
  }
  return total / pairs;
}

}  // namespace

TEST_CASE("itc: in a batch, pairs of equal id share the target equally") {
  setting s;
  const std::vector<int> ids{4, 2, 4, 9, 4};
  const auto found = s.of(ids);
  CHECK(found.loss == Approx((by_hand(found.i2t, ids, false) + by_hand(found.i2t, ids, true)) / 2).epsilon(1e-12));
}

TEST_CASE("itc: in a batch, ids that all differ change nothing") {
  setting s;
  const auto without = s.of({}), with = s.of({0, 1, 2, 3, 4});
  CHECK(with.loss == Approx(without.loss).epsilon(1e-13));
  REQUIRE(with.gradient.size() == without.gradient.size());
  for (std::size_t i = 0; i < with.gradient.size(); ++i)
    CHECK(std::abs(with.gradient[i] - without.gradient[i]) <= 1e-12);
}
