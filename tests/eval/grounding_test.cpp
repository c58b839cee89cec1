// SPDX-License-Identifier: Apache-2.0
#include "blip/eval/grounding.hpp"

#include <vector>

#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("enlarged_map: of its own size it is itself, a constant stays one, planes stay planes inside", "[eval]") {
  const numbers map = random_numbers(5 * 7, 1);
  CHECK(worst_error(enlarged_map<double>(map, 5, 7, 5, 7), map) < 1e-15);
  const numbers threes(6, 3);
  for (const double v : enlarged_map<double>(threes, 2, 3, 11, 13)) CHECK(std::abs(v - 3) < 1e-12);
  numbers plane;
  for (int r = 0; r < 11; ++r)
    for (int c = 0; c < 13; ++c) plane.push_back(2 * r - c);
  const numbers large = enlarged_map<double>(plane, 11, 13, 33, 39);
  for (int y = 9; y < 24; ++y)  // where no tap is beyond the border
    for (int x = 9; x < 30; ++x) {
      // Of the cubic with a = -0.75 only the middle of three places reproduces a line exactly.
      if (y % 3 != 1 || x % 3 != 1) continue;
      CHECK(std::abs(at(large, 39 * y + x) - (2 * (y / 3) - x / 3)) < 1e-12);
    }
}

TEST_CASE("enlarged_map: the weights are those of the cubic with a = -0.75, borders repeated", "[eval]") {
  const numbers one{0, 1, 0, 0};  // twice as wide: offsets of a quarter
  const double near = ((1.25 * 0.25 - 2.25) * 0.25) * 0.25 + 1, next = ((1.25 * 0.75 - 2.25) * 0.75) * 0.75 + 1;
  const double far = ((-0.75 * 1.25 + 3.75) * 1.25 - 6) * 1.25 + 3,
               last = ((-0.75 * 1.75 + 3.75) * 1.75 - 6) * 1.75 + 3;
  const numbers expected{far, next, near, near, next, far, last, 0};
  const numbers found = enlarged_map<double>(one, 1, 4, 1, 8);
  for (std::size_t i = 1; i < 7; ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-12);
  CHECK(std::abs(found[7] - 0) < 1e-12);
}

TEST_CASE("box_score: whole pixels by truncation, over the root of the area, outside nothing", "[eval]") {
  numbers map;
  for (int i = 0; i < 4 * 5; ++i) map.push_back(i);
  const auto score = [&](picture_box b) { return box_score<double>(map, 4, 5, b); };
  CHECK(score({1, 2, 2, 1}) == (11 + 12) / std::sqrt(2.0));
  CHECK(score({1.9, 2.9, 2, 1}) == (11 + 12) / std::sqrt(2.0));            // columns 1 to 2, row 2
  CHECK(std::abs(score({1.5, 0, 1.5, 1}) - (1 + 2) / std::sqrt(1.5)) < 1e-15);  // int(1.5) to int(3) - 1
  CHECK(std::abs(score({3, 3, 10, 10}) - (18 + 19) / 10.0) < 1e-15);
  CHECK(score({-2, -2, 2, 2}) == 0);
  CHECK_THROWS_AS(score({0, 0, 0, 1}), shape_error);
  CHECK_THROWS_AS(box_score<double>(map, 3, 5, {0, 0, 1, 1}), shape_error);
}

TEST_CASE("box_overlap: the published mixture of pixels and lengths", "[eval]") {
  const picture_box a{0, 0, 10, 10};
  CHECK(box_overlap(a, a) == 1);
  CHECK(box_overlap(a, {20, 0, 10, 10}) == 0);
  CHECK(box_overlap(a, {9, 0, 10, 10}) == 0);  // one column of pixels has no extent
  CHECK(box_overlap(a, {5, 0, 10, 10}) == 50.0 / 150);
  CHECK(box_overlap({5, 0, 10, 10}, a) == 50.0 / 150);
}

TEST_CASE("grounding_accuracy: half the union counts; without a box above 0 a case is wrong, or keeps the last box",
          "[eval]") {
  const numbers bright{0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}, dark(16, 0);
  const std::vector<picture_box> boxes{{0, 0, 2, 4}, {2, 0, 2, 4}};
  const grounding_case<double> right{bright, 4, 4, boxes, {2, 0, 2, 4}}, wrong{bright, 4, 4, boxes, {0, 0, 2, 4}},
      nothing{dark, 4, 4, boxes, {2, 0, 2, 4}}, none_proposed{bright, 4, 4, {}, {2, 0, 2, 4}};
  const auto accuracy = [](std::vector<grounding_case<double>> cases, bool keeps = false) {
    return grounding_accuracy<double>(cases, keeps);
  };
  CHECK(accuracy({right}) == 1);
  CHECK(accuracy({right, wrong}) == 0.5);
  CHECK(accuracy({right, nothing, none_proposed}) == 1.0 / 3);
  CHECK(accuracy({right, nothing, none_proposed}, true) == 1);
  CHECK(accuracy({nothing, right}, true) == 0.5);  // there is no last box yet
  CHECK_THROWS_AS(accuracy({}), shape_error);
  CHECK(best_box(numbers{0.25, 0.5, 0.5}) == std::optional<std::size_t>(1));
  CHECK(!best_box(numbers{0, -1}));
  CHECK(!best_box({}));
}
