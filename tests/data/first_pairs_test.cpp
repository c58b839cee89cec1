// SPDX-License-Identifier: Apache-2.0
#include "blip/data/first_pairs.hpp"

#include "blip/data/scenes/judge_caption.hpp"
#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "support/catch.hpp"

using namespace blip;

TEST_CASE("first_pairs: the first ones, by their names; all where there are no more", "[data]") {
  const scenes::pairs web(scenes::world(scenes::world_size::nano, 5), scenes::split::web);
  const any_pairs few = first_pairs(web, 7);
  CHECK((few.size() == 7 && few.block() == 1));
  for (const std::uint64_t i : {0u, 6u}) CHECK((few.sample(i) == web.sample(i) && few.id(i) == web.name(i)));
  CHECK(first_pairs(web, 1u << 30).size() == web.size());
  CHECK_THROWS_AS(first_pairs(web, 0), config_error);
}

TEST_CASE("first_pairs: twins stay together", "[data]") {
  const scenes::pairs web(scenes::world(scenes::world_size::mini, 5), scenes::split::web);
  const any_pairs few = first_pairs(web, 7);
  CHECK((few.size() == 6 && few.block() == 2));
  CHECK_THROWS_AS(first_pairs(web, 1), config_error);
}

TEST_CASE("judge_caption: what people say of a scene is true of it and complete; what is no sentence fails", "[data]") {
  const scenes::pairs test(scenes::world(scenes::world_size::nano, 5), scenes::split::test);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const scenes::judgement j = scenes::judge_caption(test.caption(i).text, test.scene_of(i));
    CHECK((j.is == scenes::verdict::holds && j.names_every_object));
  }
  CHECK(scenes::judge_caption("a red a a", test.scene_of(0)).is == scenes::verdict::fails);
  CHECK(scenes::judge_caption("some shapes", test.scene_of(0)).names_every_object == false);
}
