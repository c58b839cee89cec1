// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/zero_shot.hpp"

#include <cmath>
#include <numeric>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_judge.hpp"

using namespace blip;
using namespace blip_test;

namespace {

template <class Model>
void check_classes() {
  using B = typename Model::backend_type;
  const tiny_judge<Model> j;
  const seen_world w = world_of(4);
  device<B> d;
  const matcher<Model> pairs(*j.model, j.model.values(), j.tokens, {.view = view, .longest = longest});
  const std::vector<std::string> names{"a red circle", "a blue square", "a green ring"};
  constexpr double temperature = 0.07;
  const std::vector<double> p =
      zero_shot_probabilities(pairs.image_features(d, w.pictures), pairs.text_features(d, names), 3, temperature);
  REQUIRE(p.size() == 12);
  for (int i = 0; i < 4; ++i) {
    numbers expected;
    for (const std::string& name : names)
      expected.push_back(std::exp(j.similarity(d, at(w.pictures, i), name) / temperature));
    const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
    for (int k = 0; k < 3; ++k) CHECK(at(p, 3 * i + k) == Approx(at(expected, k) / sum).epsilon(1e-4));
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("zero-shot: a class has its share by the similarity of picture and prompt", "[tasks]",
                        test::golden_backends) {
  check_classes<blip_matching<TestType>>();
  check_classes<albef_matching<TestType>>();
}

TEST_CASE("zero-shot: several prompts of a class count as their mean, of unit length", "[tasks]") {
  const feature_rows pictures{2, 2, {1, 0, 0.6f, 0.8f}};
  const feature_rows prompts{4, 2, {1, 0, 0, 1, 0.8f, 0.6f, 0.8f, -0.6f}};  // the means point to (1, 1) and (1, 0)
  const std::vector<double> p = zero_shot_probabilities(pictures, prompts, 2, 0.5);
  REQUIRE(p.size() == 4);
  const auto share = [](double a, double b) { return 1 / (1 + std::exp((b - a) / 0.5)); };
  CHECK(p[0] == Approx(share(std::sqrt(0.5), 1)).epsilon(1e-6));
  CHECK(p[2] == Approx(share(1.4 * std::sqrt(0.5), 0.6)).epsilon(1e-6));
  CHECK((p[0] + p[1] == Approx(1).epsilon(1e-12) && p[2] + p[3] == Approx(1).epsilon(1e-12)));
  CHECK(zero_shot_probabilities(pictures, prompts, 1, 0.5) == std::vector<double>{1, 1});
  const feature_rows opposite{4, 2, {1, 0, -1, 0, 0, 1, 0, -1}};  // means without a direction
  CHECK(zero_shot_probabilities(pictures, opposite, 2, 0.5) == std::vector<double>{0.5, 0.5, 0.5, 0.5});
}

TEST_CASE("zero-shot: no pictures have no classes; what does not fit is refused", "[tasks]") {
  const feature_rows pictures{1, 2, {1, 0}}, prompts{3, 2, {1, 0, 0, 1, 1, 0}}, wide{3, 1, {1, 1, 1}};
  CHECK(zero_shot_probabilities({}, prompts, 3, 0.07).empty());
  for (const int classes : {0, -1, 2, 4})
    CHECK_THROWS_AS(zero_shot_probabilities(pictures, prompts, classes, 1), shape_error);
  CHECK_THROWS_AS(zero_shot_probabilities(pictures, {}, 1, 1), shape_error);
  CHECK_THROWS_AS(zero_shot_probabilities(pictures, wide, 3, 1), shape_error);
  for (const double t : {0.0, -1.0, blip_test::nan})
    CHECK_THROWS_AS(zero_shot_probabilities(pictures, prompts, 3, t), config_error);
}
