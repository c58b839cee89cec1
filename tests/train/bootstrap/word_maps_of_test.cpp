// SPDX-License-Identifier: Apache-2.0
#include "blip/train/word_maps_of.hpp"

#include "support/catch.hpp"
#include "untrained_filter.hpp"

using namespace blip;
using blip_test::untrained_filter;

TEST_CASE("word_maps_of: an overlay for each word of the first captions, by the grounder's own maps",
          "[train][bootstrap]") {
  untrained_filter f;
  const grounder<untrained_filter::model_type> ground(f.model(), f.values(), f.tokens, {.view = f.view});
  const auto all = word_maps_of(f.on, ground, f.pairs, {.pictures = 3, .maps = 100});
  REQUIRE(all.size() == 3);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK((all[i].picture == f.pairs.pictures[i] && all[i].caption == f.pairs.texts[i]));
    const grounding g = ground(f.on, f.pairs.pictures[i], f.pairs.texts[i]);
    REQUIRE(all[i].words.size() == g.words.size());
    std::string said;
    int seen = 0;
    for (std::size_t k = 0; k < g.words.size(); ++k) {
      said += (k > 0 ? " " : "") + all[i].words[k].word;
      CHECK(all[i].words[k].overlay == heat_overlay(f.pairs.pictures[i], g.words[k].map, g.rows, g.columns));
      seen += all[i].words[k].overlay != all[i].picture;
    }
    CHECK(said == f.pairs.texts[i]);
    CHECK(seen > 0);
  }
}

TEST_CASE("word_maps_of: there are only so many maps, of so many pixels", "[train][bootstrap]") {
  untrained_filter f;
  const grounder<untrained_filter::model_type> ground(f.model(), f.values(), f.tokens, {.view = f.view});
  f.pairs.pictures[0] = resize(f.pairs.pictures[0], 60, 120);
  f.pairs.texts = std::vector<std::string>(f.pairs.texts.size(), "a red ring");
  f.pairs.texts[1] = "a red ring and a blue ring";  // too many for what is left
  const auto few = word_maps_of(f.on, ground, f.pairs, {.pictures = 9, .maps = 9, .side = 48});
  REQUIRE(few.size() == 3);
  CHECK((few[0].picture.height == 24 && few[0].picture.width == 48));
  CHECK(few[0].words[0].overlay.width == 48);
  CHECK(few[1].picture == f.pairs.pictures[2]);
  CHECK(word_maps_of(f.on, ground, {}).empty());
  CHECK(word_maps_of(f.on, ground, f.pairs, {.maps = 2}).empty());
}
