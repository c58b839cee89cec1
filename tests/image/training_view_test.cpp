// SPDX-License-Identifier: Apache-2.0
#include "blip/image/training_view.hpp"

#include <map>
#include <set>

#include "made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("crop: torchvision's boxes for torchvision's draws", "[image]") {
  struct known {
    int height, width;
    double area, ratio;
    bool fits;
    pixel_box box;
  };
  const std::vector<known> all{{612, 115, 0.22999945282936096, 0.7580839991569519, true, {4, 444, 111, 146}},
                               {56, 43, 0.6299208402633667, 0.9622287750244141, true, {4, 4, 38, 40}},
                               {243, 413, 0.3294749855995178, 0.9847425222396851, true, {163, 6, 180, 183}},
                               {25, 143, 0.488140344619751, 1.1193655729293823, false, {55, 0, 33, 25}},
                               {86, 9, 0.8573241829872131, 0.8930633664131165, false, {0, 37, 9, 12}},
                               {4, 689, 0.7251722812652588, 0.9306058883666992, false, {342, 0, 5, 4}},
                               {521, 1, 0.9445575475692749, 0.752572238445282, false, {0, 260, 1, 1}}};
  for (const auto& k : all) {
    INFO(k.height << " x " << k.width);
    const auto box = crop_candidate(k.height, k.width, k.area, k.ratio);
    REQUIRE(box.has_value() == k.fits);
    if (k.fits) {
      CHECK(box->width == k.box.width);
      CHECK(box->height == k.box.height);
    } else {
      CHECK(crop_in_the_middle(k.height, k.width) == k.box);
    }
  }
}

TEST_CASE("crop: boxes lie inside, within the bounds of area and ratio, and reach every corner", "[image]") {
  const int height = 97, width = 113;
  int left = width, top = height, right = 0, bottom = 0, small = 0;
  for (std::uint64_t sample = 0; sample < 2000; ++sample) {
    const pixel_box b = random_crop(height, width, {5, sample, 1});
    const double area = static_cast<double>(b.width) * b.height / (height * width);
    const double ratio = static_cast<double>(b.width) / b.height;
    REQUIRE(area > 0.19);
    REQUIRE(area < 1.01);
    REQUIRE(ratio > 0.72);
    REQUIRE(ratio < 1.39);
    left = std::min(left, b.left), top = std::min(top, b.top);
    right = std::max(right, b.left + b.width), bottom = std::max(bottom, b.top + b.height);
    small += area < 0.6;
  }
  CHECK(left == 0);
  CHECK(top == 0);
  CHECK(right == width);
  CHECK(bottom == height);
  CHECK(small > 1000);  // half of the draws, and large ones fit less often
  CHECK(small < 1400);
}

TEST_CASE("crop: pictures of one pixel or one line have a box, rules without sense do not", "[image]") {
  CHECK(random_crop(1, 1, {1, 2, 3}) == pixel_box{0, 0, 1, 1});
  for (std::uint64_t sample = 0; sample < 50; ++sample) {
    const image p = made_picture(1, 400);
    CHECK(training_view(p, {1, sample, 0}, {.height = 5, .width = 7}).width == 7);
    const pixel_box b = random_crop(400, 1, {1, sample, 0});
    CHECK(b.width == 1);
    CHECK(b.top + b.height <= 400);
  }
  CHECK_THROWS_AS(random_crop(0, 4, {}), shape_error);
  CHECK_THROWS_AS(random_crop(4, 4, {}, {.min_area = 0}), config_error);
  CHECK_THROWS_AS(random_crop(4, 4, {}, {.min_area = 0.5, .max_area = 0.4}), config_error);
  CHECK_THROWS_AS(random_crop(4, 4, {}, {.min_ratio = 2, .max_ratio = 1}), config_error);
}

TEST_CASE("mirror: left becomes right; twice is nothing", "[image]") {
  for (const int width : {1, 2, 7}) {
    const image p = made_picture(3, width);
    image m = p;
    mirror(m);
    for (int y = 0; y < 3; ++y)
      for (int x = 0; x < width; ++x)
        for (int c = 0; c < 3; ++c) REQUIRE(m.row(y)[3 * x + c] == p.row(y)[3 * (width - 1 - x) + c]);
    mirror(m);
    CHECK(m == p);
  }
  image none;
  mirror(none);
}

TEST_CASE("training view: addressed by seed, sample and epoch, and by nothing else", "[image]") {
  const image p = made_picture(61, 67);
  const training_view_options o{.height = 32, .width = 24, .augment = {.magnitude = 7}};
  const image first = training_view(p, {7, 11, 2}, o);
  std::set<std::uint32_t> different{crc32(first.pixels)};
  constexpr std::uint64_t high = std::uint64_t{1} << 32;
  for (const picture_site& other :
       {picture_site{8, 11, 2}, {7, 12, 2}, {7, 11, 3}, {7 + high, 11, 2}, {7, 11 + high, 2}})
    different.insert(crc32(training_view(p, other, o).pixels));
  CHECK(different.size() == 6);
  CHECK(training_view(p, {7, 11, 2}, o) == first);
}

TEST_CASE("training view: without its random parts it is the evaluation's resize", "[image]") {
  const image p = made_picture(61, 67);
  const training_view_options plain{.height = 32, .width = 24, .crop = {}, .mirrored = 0, .augment = {.steps = 0}};
  CHECK(training_view(p, {1, 2, 3}, plain) == resize(p, 32, 24));
  training_view_options turned = plain;
  turned.mirrored = 1;
  image expected = resize(p, 32, 24);
  mirror(expected);
  CHECK(training_view(p, {1, 2, 3}, turned) == expected);
}

TEST_CASE("rand_augment: ten operations about equally often, half of the steps left out, half negative", "[image]") {
  std::map<augment_op, int> counts;
  int steps = 0, negative = 0;
  constexpr int samples = 10'000;
  for (std::uint64_t sample = 0; sample < samples; ++sample)
    for (const augment_step& s : draw_augmentation({3, sample, 0})) {
      ++counts[s.op], ++steps, negative += s.negative;
      REQUIRE(s.magnitude == 5);
    }
  CHECK(std::abs(steps - samples) < 300);  // of 20,000; the deviation is 71
  CHECK(std::abs(negative - steps / 2) < 250);
  REQUIRE(counts.size() == 10);
  for (const auto& [op, n] : counts) CHECK(std::abs(n - steps / 10) < 150);
  CHECK_THROWS_AS(draw_augmentation({}, {.magnitude = 11}), config_error);
  CHECK_THROWS_AS(draw_augmentation({}, {.probability = 1.5}), config_error);
  CHECK_THROWS_AS(draw_augmentation({}, {.steps = -1}), config_error);
}
