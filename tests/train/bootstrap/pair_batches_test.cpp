// SPDX-License-Identifier: Apache-2.0
#include "blip/train/pair_batches.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

#include "blip/backend/reference.hpp"
#include "blip/data/scenes/words.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"
#include "train/capfilt_fakes.hpp"
#include "train/keeping_model.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using batches = pair_batches<keeping_model>;

const wordpiece& tokens() {
  static const wordpiece w = blip_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano)));
  return w;
}

// Pictures whose one pixel is their number; caption and name are functions of it.
struct named_pairs {
  std::uint64_t count = 100, neighbours = 1;
  std::function<std::string(std::uint64_t)> caption = [](std::uint64_t) { return "a circle"; };
  std::function<std::string(std::uint64_t)> name = [](std::uint64_t i) { return std::to_string(i); };

  std::uint64_t size() const { return count; }
  std::uint64_t block() const { return neighbours; }
  captioned_picture sample(std::uint64_t i) const {
    return {image(1, 1, static_cast<std::uint8_t>(i)), caption(i), name(i)};
  }
};

std::shared_ptr<const pair_stream> in_order(named_pairs p) {
  return std::make_shared<pair_stream>(std::vector<weighted_pairs>{{std::move(p)}}, stream_options{.shuffled = false});
}
// The red of the pixel, a draw of its site, the low bits of its sample.
void look(const image& p, std::span<float> row, const picture_site& site) {
  row[0] = p.pixels.at(0);
  row[1] = static_cast<float>(site.uniform(0));
  row[2] = static_cast<float>(site.sample);
}
pair_batch_options options(int batch = 4, int micro_batches = 1) {
  return {.batch = batch, .micro_batches = micro_batches, .height = 1, .width = 1, .view = look, .seed = 9};
}

// Which pictures a micro-batch shows.
std::vector<int> numbers_of(const keeping_model::batch& b) {
  std::vector<int> out;
  for (std::size_t i = 0; i < b.pixels.size(); i += 3) out.push_back(static_cast<int>(b.pixels[i]));
  return out;
}
std::vector<int> counted(int first, int count) {
  std::vector<int> v(static_cast<std::size_t>(count));
  std::iota(v.begin(), v.end(), first);
  return v;
}
std::vector<int> only(batches& source, std::int64_t step) { return numbers_of(*source({}, step).begin()); }

// Ids of the batch that consists of these names and captions.
std::vector<int> alike(const std::vector<std::string>& names, const std::vector<std::string>& captions) {
  pair_batch_options o = options(static_cast<int>(names.size()));
  o.alike_are_positives = true;
  batches source({{in_order({names.size(), 1, [=](std::uint64_t i) { return captions[i]; },
                             [=](std::uint64_t i) { return names[i]; }}),
                   0}},
                 tokens(), o);
  return (*source({}, 0).begin()).texts.image_ids;
}

}  // namespace

TEST_CASE("pair_batches: a step is a function of its number, whatever was asked before", "[train][pairs]") {
  const auto shuffled =
      std::make_shared<pair_stream>(std::vector<weighted_pairs>{{named_pairs{}, 2}, {named_pairs{50}, 1}});
  const auto flat = [](const step_batches<keeping_model>& s) {
    std::vector<std::pair<std::vector<float>, std::vector<std::vector<int>>>> out;
    for (const auto& b : s) out.emplace_back(b.pixels, b.texts.texts);
    return out;
  };
  for (const int threads : {0, 1, 3}) {
    pair_batch_options o = options(4, 2);
    o.ahead = {.threads = threads, .ahead = 5};
    batches running({{shuffled, 3}, {in_order({}), 0}}, tokens(), o),
        jumping({{shuffled, 3}, {in_order({}), 0}}, tokens(), o);
    std::vector<decltype(flat(running({}, 0)))> all;
    for (std::int64_t n = 0; n < 9; ++n) all.push_back(flat(running({}, n)));
    for (const std::int64_t n : {7, 2, 3, 8, 0, 0, 6, 7})
      CHECK(flat(jumping({}, n)) == all[static_cast<std::size_t>(n)]);
  }
}

TEST_CASE("pair_batches: micro-batches go on where the one before ended, and know their place", "[train][pairs]") {
  batches source({{in_order({}), 0}}, tokens(), options(4, 3));
  const auto made = source({}, 2);
  REQUIRE(made.size() == 3);
  int k = 0;
  for (const auto& b : made) {
    CHECK(numbers_of(b) == counted(24 + 4 * k, 4));
    CHECK((b.site.seed == 9 && b.site.step == 2 && b.site.first == 4 * k));
    CHECK(b.texts.image_ids.empty());
    ++k;
  }
}

TEST_CASE("pair_batches: micro-batches of all ranks are those of one that takes as many pairs", "[train][pairs]") {
  constexpr int ranks = 3;
  batches whole({{in_order({}), 0}}, tokens(), options(ranks * 2, 2));
  std::vector<std::vector<int>> parts(2);
  for (int rank = 0; rank < ranks; ++rank) {
    pair_batch_options o = options(2, 2);
    o.rank = rank, o.ranks = ranks;
    batches own({{in_order({}), 0}}, tokens(), o);
    std::size_t k = 0;
    for (const auto& b : own({}, 1)) {
      CHECK((b.site.first == 2 * rank && (b.site.seed == 9) == (k == 0)));
      const std::vector<int> shown = numbers_of(b);
      parts[k].insert(parts[k].end(), shown.begin(), shown.end());
      ++k;
    }
  }
  std::size_t k = 0;
  for (const auto& b : whole({}, 1)) CHECK(numbers_of(b) == parts[k++]);
}

TEST_CASE("pair_batches: phases follow each other, each from its own beginning; the last one has no end",
          "[train][pairs]") {
  // Told apart by their sizes.
  batches source({{in_order({8}), 3}, {in_order({1}), 0}, {in_order({6}), 2}, {in_order({}), 2}}, tokens(), options());
  CHECK(only(source, 0) == counted(0, 4));
  CHECK(only(source, 1) == counted(4, 4));
  CHECK(only(source, 2) == counted(0, 4));  // a second epoch of 8
  CHECK(only(source, 3) == counted(0, 4));  // the phase of no steps is passed over
  CHECK(only(source, 4) == std::vector<int>{4, 5, 0, 1});
  CHECK(only(source, 5) == counted(0, 4));
  CHECK(only(source, 6) == counted(4, 4));
  CHECK(only(source, 7) == counted(8, 4));  // beyond the number of the last one
  CHECK(only(source, 29) == counted(96, 4));
}

// BLIP adds a fifth of LAION to the other pairs in every epoch, another one each time.
TEST_CASE("pair_batches: a list and one of several shards in every epoch are a phase for each epoch",
          "[train][pairs]") {
  struct stretch {
    std::uint64_t first, count;
    std::uint64_t size() const { return count; }
    captioned_picture sample(std::uint64_t i) const {
      return {image(1, 1, static_cast<std::uint8_t>(first + i)), "a circle", std::to_string(first + i)};
    }
  };
  const stretch list{0, 6};
  const std::vector<stretch> shards{{100, 2}, {200, 4}};
  std::vector<training_phase> epochs;
  for (std::uint64_t e = 0; e < 5; ++e) {
    const stretch& shard = shards[e % shards.size()];
    epochs.push_back({std::make_shared<pair_stream>(
                          std::vector<weighted_pairs>{{list, 6}, {shard, static_cast<double>(shard.count)}},
                          stream_options{.seed = e}),
                      static_cast<std::int64_t>(list.count + shard.count) / 2});
  }
  batches source(epochs, tokens(), options(2));
  std::int64_t step = 0;
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    std::vector<int> shown;
    for (std::int64_t i = 0; i < epochs[e].steps; ++i)
      for (const int number : only(source, step++)) shown.push_back(number);
    std::sort(shown.begin(), shown.end());
    std::vector<int> expected = counted(0, 6);
    for (const int number : e % 2 ? counted(200, 4) : counted(100, 2)) expected.push_back(number);
    CHECK(shown == expected);
  }
}

TEST_CASE("pair_batches: a view draws by seed and position, another epoch draws anew", "[train][pairs]") {
  pair_batch_options o = options();
  batches source({{in_order({8}), 0}}, tokens(), o);
  const auto draws = [](batches& s, std::int64_t step) { return (*s({}, step).begin()).pixels; };
  const auto first = draws(source, 0), second_epoch = draws(source, 2);
  CHECK(first[0] == second_epoch[0]);
  CHECK(first[1] != second_epoch[1]);
  CHECK(second_epoch[2] == 8);
  CHECK(first[1] == static_cast<float>(picture_site{.seed = 9, .sample = 0}.uniform(0)));
  o.seed = 10;
  batches other({{in_order({8}), 0}}, tokens(), o);
  CHECK(draws(other, 0)[1] != first[1]);
}

TEST_CASE("pair_batches: texts are cleaned, begin with the prompt and are cut", "[train][pairs]") {
  const auto ids = [](pair_batch_options o) {
    o.batch = 1;
    batches source({{in_order({1, 1, [](std::uint64_t) { return "A  RED (circle), and: a blue ring!"; }}), 0}},
                   tokens(), o);
    return (*source({}, 0).begin()).texts.texts.at(0);
  };
  pair_batch_options o = options();
  CHECK(ids(o) == tokens().encode(clean_caption(cleaning::blip, "A  RED (circle), and: a blue ring!")));
  CHECK(tokens().decode(ids(o)).starts_with("a red circle"));
  o.words = 2;
  CHECK(tokens().decode(ids(o)) == "a red");
  o.words = 30, o.prompt = "a picture of ";
  CHECK(tokens().decode(ids(o)).starts_with("a picture of a red circle"));
  o.longest = 6;
  CHECK(ids(o).size() == 6);
  CHECK(ids(o).back() == tokens().closing());
  CHECK(tokens().decode(ids(o)) == "a picture of a");
  o.prompt = {}, o.longest = 30, o.clean = std::nullopt;
  CHECK(ids(o) == tokens().encode("A  RED (circle), and: a blue ring!"));
  CHECK(tokens().decode(ids(o)).ends_with("!"));
}

TEST_CASE("pair_batches: pairs of one picture or of equal texts have one number, and so has what those share",
          "[train][pairs]") {
  using list = std::vector<int>;
  CHECK(alike({"1", "2", "3"}, {"red", "green", "blue"}) == list{0, 1, 2});
  CHECK(alike({"1", "2", "1"}, {"red", "green", "blue"}) == list{0, 1, 0});
  CHECK(alike({"1", "2", "3"}, {"red", "green", "Red!"}) == list{0, 1, 0});  // equal once they are cleaned
  const auto is_one = [](const list& ids, const list& members) {
    return std::all_of(members.begin(), members.end(), [&](int m) { return at(ids, m) == at(ids, members[0]); });
  };
  // 0 and 3 share a picture, 3 and 5 a text, 5 and 1 a picture; 2 and 4 a text.
  const list chain = alike({"a", "b", "c", "a", "d", "b"}, {"red", "green", "blue", "pink", "blue", "pink"});
  CHECK((is_one(chain, {0, 1, 3, 5}) && is_one(chain, {2, 4})));
  CHECK(chain[0] != chain[2]);
  // The last pair joins two groups that were apart until it came.
  const list joined = alike({"a", "b", "a", "b", "a"}, {"red", "green", "blue", "pink", "green"});
  CHECK(is_one(joined, {0, 1, 2, 3, 4}));
  // A picture's name and a text are different things, even if they are spelt alike.
  CHECK(alike({"red", "2"}, {"green", "red"}) == list{0, 1});
}

TEST_CASE("pair_batches: groups do not reach from one micro-batch into another", "[train][pairs]") {
  pair_batch_options o = options(2, 2);
  o.alike_are_positives = true;
  batches source({{in_order({}), 0}}, tokens(), o);
  for (const auto& b : source({}, 1)) CHECK(b.texts.image_ids == std::vector<int>{0, 0});
}

TEST_CASE("pair_batches: what is wrong with a sample comes out at its step, and the next step is made",
          "[train][pairs]") {
  // A picture that the view refuses; the stream itself passes over samples that throw.
  const auto view = [](const image& p, std::span<float> row, const picture_site& site) {
    if (p.pixels[0] == 13) throw format_error({"the picture", "a lucky number", "13", {}});
    look(p, row, site);
  };
  for (const int threads : {0, 1, 3}) {
    pair_batch_options o = options();
    o.view = view, o.ahead.threads = threads;
    batches source({{in_order({}), 0}}, tokens(), o);
    for (const std::int64_t n : {0, 1, 2}) CHECK(only(source, n) == counted(static_cast<int>(4 * n), 4));
    CHECK_THROWS_WITH(source({}, 3), Catch::Contains("a lucky number"));
    CHECK(only(source, 4) == counted(16, 4));
    CHECK_THROWS_AS(source({}, 3), format_error);
  }
  const auto none_works = std::make_shared<pair_stream>(
      std::vector<weighted_pairs>{{numbered_pairs{100, [](std::uint64_t) { return true; }}}});
  batches broken({{none_works, 0}}, tokens(), options());
  CHECK_THROWS_AS(broken({}, 0), format_error);
  CHECK(none_works->skipped()->skipped() > 0);
}

TEST_CASE("pair_batches: sizes and phases that cannot be used are refused", "[train][pairs]") {
  const auto make = [](std::vector<training_phase> phases, const pair_batch_options& o) {
    batches(std::move(phases), tokens(), o);
  };
  const auto plain = in_order({}), twins = in_order({100, 2});
  pair_batch_options no_rank = options();
  no_rank.rank = no_rank.ranks = 2;
  CHECK_THROWS_AS(make({{plain, 0}}, no_rank), config_error);
  CHECK_NOTHROW(make({{plain, 0}}, options(3)));
  CHECK_NOTHROW(make({{twins, 0}}, options(4)));
  CHECK_THROWS_WITH(make({{twins, 0}}, options(3)), Catch::Contains("a multiple of the stream's block"));
  CHECK_THROWS_AS(make({{twins, 0}}, options(3, 2)), config_error);  // a pair of twins would stand in two batches
  CHECK_THROWS_AS(make({{plain, 2}, {twins, 0}}, options(3)), config_error);
  CHECK_THROWS_AS(make({}, options()), config_error);
  CHECK_THROWS_AS(make({{nullptr, 0}}, options()), config_error);
  CHECK_THROWS_AS(make({{plain, -1}, {plain, 0}}, options()), config_error);
  CHECK_THROWS_AS(make({{plain, 0}}, options(0)), config_error);
  CHECK_THROWS_AS(make({{plain, 0}}, options(4, 0)), config_error);
  pair_batch_options blind = options();
  blind.view = nullptr;
  CHECK_THROWS_AS(make({{plain, 0}}, blind), config_error);
  pair_batch_options flat = options();
  flat.height = 0;
  CHECK_THROWS_AS(make({{plain, 0}}, flat), config_error);
}
