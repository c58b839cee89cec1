// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/grounder.hpp"

#include <cmath>

#include "blip/backend/cpu/pack.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_judge.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr std::size_t patches = (view.height / vision.patch) * (view.width / vision.patch);

template <class Model>
grounder<Model> grounder_of(const tiny_judge<Model>& j, grounder_options o = {}) {
  o.view = view, o.longest = longest;
  return {*j.model, j.model.values(), j.tokens, o};
}

double largest_of(const std::vector<float>& map) { return largest({map.begin(), map.end()}); }

// What is explained is what the model says; the maps add up; the batch does not show.
template <class Model>
void check_grounding() {
  using B = typename Model::backend_type;
  const double near = std::is_same_v<B, cpu> ? 1e-5 : 1e-12;
  const tiny_judge<Model> j;
  const seen_world w = world_of(5);
  device<B> d;
  const auto g = grounder_of(j);
  const std::vector<grounding> all = g(d, w.pictures, w.texts), similar = g.by_similarity(d, w.pictures, w.texts);
  const double temperature = static_cast<double>(j.model.values().read("temp").at(0));
  REQUIRE((all.size() == 5 && similar.size() == 5));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const grounding& one = all[i];
    CHECK(std::abs(one.objective - j.logit(d, w.pictures[i], w.texts[i])) < near);
    CHECK(std::abs(similar[i].objective - j.similarity(d, w.pictures[i], w.texts[i]) / temperature) < 100 * near);
    REQUIRE((one.rows == 2 && one.columns == 3));
    CHECK(one.tokens == j.tokens.encode(w.texts[i], longest));
    REQUIRE(one.maps.size() == one.tokens.size() * patches);
    for (std::size_t k = 0; k < patches; ++k) {
      double sum = 0;
      for (std::size_t token = 0; token < one.tokens.size(); ++token)
        sum += static_cast<double>(one.maps[token * patches + k]);
      CHECK(std::abs(sum / static_cast<double>(one.tokens.size()) - static_cast<double>(one.sentence[k])) < 1e-6);
    }
    CHECK(largest_of(one.sentence) > 1e-6);
    CHECK(largest_of(similar[i].sentence) > 1e-9);
    CHECK((similar[i].maps.empty() && similar[i].words.empty()));
  }
  for (const int batch : {1, 2}) {
    const auto few = grounder_of(j, {.batch = batch});
    const auto again = few(d, w.pictures, w.texts), again_similar = few.by_similarity(d, w.pictures, w.texts);
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK((again[i].objective == all[i].objective && again[i].maps == all[i].maps));
      CHECK((again_similar[i].objective == similar[i].objective && again_similar[i].sentence == similar[i].sentence));
    }
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("grounder: explains the logit and the similarity that the model gives, in any batch", "[tasks]",
                        test::golden_backends) {
  check_grounding<blip_matching<TestType>>();
  check_grounding<albef_matching<TestType>>();
}

TEST_CASE("grounder: of the last layer only the first token counts, for nothing else reaches the head", "[tasks]") {
  const tiny_judge<albef_matching<reference<double>>> j;
  const seen_world w = world_of(1);
  device<reference<double>> d;
  const grounding last = grounder_of(j, {.layer = 2})(d, w.pictures[0], w.texts[0]);
  CHECK(largest_of({last.maps.begin(), last.maps.begin() + patches}) > 1e-6);
  CHECK(largest_of({last.maps.begin() + patches, last.maps.end()}) == 0);
  const grounding earlier = grounder_of(j, {.layer = 1})(d, w.pictures[0], w.texts[0]);
  CHECK(largest_of({earlier.maps.begin() + patches, earlier.maps.end()}) > 1e-6);
  CHECK(last.objective == earlier.objective);
}

TEST_CASE("grounder: pieces of a word are one word, special tokens are none, what is not known is one", "[tasks]") {
  using model = blip_matching<cpu>;
  tiny_judge<model> j;
  // The word list of scenes has no pieces: take "green" apart.
  std::vector<std::string> list = scenes::word_list(scenes::world_size::nano);
  for (std::string& word : list)
    if (word == "red") word = "gre";
    else if (word == "circle") word = "##en";
    else if (word == "green") word = "zebra";
  const wordpiece pieces = blip_tokenizer(vocabulary(list));
  REQUIRE(pieces.encode("a green square").size() == 6);
  const grounder<model> g(*j.model, j.model.values(), pieces, {.view = view, .longest = longest});
  device<cpu> d({.threads = 1});
  const seen_world w = world_of(1);
  const grounding one = g(d, w.pictures[0], "a green square qqq");
  std::vector<std::string> texts;
  for (const grounded_word& word : one.words) texts.push_back(word.text);
  CHECK(texts == std::vector<std::string>{"a", "green", "square", "[UNK]"});
  for (std::size_t k = 0; k < patches; ++k) {
    CHECK(one.words[0].map[k] == one.maps[patches + k]);
    CHECK(std::abs(one.words[1].map[k] - (one.maps[2 * patches + k] + one.maps[3 * patches + k]) / 2) < 1e-6f);
  }
  const grounding nothing = g(d, w.pictures[0], "");
  CHECK((nothing.words.empty() && nothing.tokens.size() == 2 && nothing.sentence.size() == patches));
}

TEST_CASE("grounder: a head that ignores the picture has a map of zeros", "[tasks]") {
  tiny_judge<blip_matching<cpu>> j;
  const numbers zeros(24, 0);
  j.model.values().write<double>("itm_head.weight", zeros);
  device<cpu> d({.threads = 1});
  const seen_world w = world_of(1);
  const grounding one = grounder_of(j)(d, w.pictures[0], w.texts[0]);
  CHECK(largest_of(one.maps) == 0);
  CHECK(largest_of(one.sentence) == 0);
}

TEST_CASE(
    "grounder: looks at two thirds of the depth, not at the last layer; layers that read no picture and packed values are refused",
    "[tasks]") {
  tiny_judge<albef_matching<cpu>> j;  // three layers, the first one of text alone; two blocks
  CHECK((grounder_of(j).options().layer == 1 && grounder_of(j).options().block == 1));
  CHECK_THROWS_WITH(grounder_of(j, {.layer = 0}), Catch::Contains("1 to 2"));
  CHECK_THROWS_AS(grounder_of(j, {.layer = 3}), config_error);
  CHECK_THROWS_AS(grounder_of(j, {.block = 2}), config_error);
  CHECK_THROWS_AS(grounder_of(j, {.batch = 0}), config_error);
  device<cpu> d({.threads = 1});
  const seen_world w = world_of(2);
  CHECK_THROWS_AS(grounder_of(j)(d, w.pictures, {w.texts.data(), 1}), shape_error);
  CHECK(grounder_of(j)(d, std::span<const image>(), {}).empty());
  const arena<cpu> packed = pack(d, j.model.values().clone());
  CHECK_THROWS_AS((grounder<albef_matching<cpu>>(*j.model, packed, j.tokens, {})), config_error);
}

TEST_CASE("read_attention_map: rows that are not there and an attention that nobody saw are refused", "[tasks]") {
  const tiny_judge<albef_matching<cpu>> j;
  device<cpu> d({.threads = 1});
  recording_tape<cpu> t(d, j.model.values());
  seen_attention<recording_tape<cpu>> seen;
  CHECK_THROWS_AS(read_attention_map(t, seen, {0, 1}, {0, 1}), shape_error);
  const seen_world w = world_of(1);
  const seen_pictures pictures(t, j.model->towers(), w.pictures, view, {1, &seen});
  CHECK_THROWS_AS(read_attention_map(t, seen, {0, 8}, {0, 7}), shape_error);
  CHECK_THROWS_AS(read_attention_map(t, seen, {0, 7}, {-1, 7}), shape_error);
  const attention_map before = read_attention_map(t, seen, {0, 7}, {0, 7});  // no gradient came yet
  CHECK(largest(before.gradients) == 0);
  for (int h = 0; h < before.heads; ++h)
    for (int i = 0; i < 7; ++i) {
      double sum = 0;
      for (int k = 0; k < 7; ++k) sum += before.probabilities[before.at(h, i, k)];
      CHECK(std::abs(sum - 1) < 1e-12);
    }
}
