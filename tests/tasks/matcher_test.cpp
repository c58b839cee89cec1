// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/matcher.hpp"

#include <cmath>
#include <numeric>
#include <thread>

#include "blip/tasks/capfilt_models.hpp"
#include "blip/train/picture_matcher.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// A model that can match, with its tokenizer.
template <class Model>
struct judge {
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  static constexpr bool fuses = Model::towers_type::fuses_states;

  judge() { scatter(model.values()); }

  matcher<Model> with(int batch, int bound = longest) const {
    return {*model, model.values(), tokens, {.view = view, .longest = bound, .batch = batch}};
  }
  std::vector<int> ids_of(const std::string& text) const { return tokens.encode(text, longest); }

  // One pair alone, composed by hand.
  double probability(device<B>& d, const image& picture, const std::string& text) const {
    auto t = model.inference(d);
    buffer<B, S> pixels;
    const auto& towers = model->towers();
    const auto context = towers.project(t, rows_of_picture(t, towers, picture, pixels));
    std::vector<int> ids = ids_of(text);
    if (!fuses) ids[0] = tokens.id("[ENC]");
    const text_batch<B> batch(std::vector<std::vector<int>>{ids}, tokens.size());
    const auto states = [&] {
      if constexpr (fuses)
        return towers.fuse(t, towers.text(t, batch.ids(), batch.layout()), batch.layout(), context, nullptr);
      else
        return towers.multimodal(t, batch.ids(), batch.layout(), context, nullptr);
    }();
    const auto rows = to_host(states);  // the first one is the text's
    const auto w = model.values().read("itm_head.weight"), b = model.values().read("itm_head.bias");
    std::array<double, 2> logits{};
    for (std::size_t k = 0; k < 2; ++k) {
      logits[k] = static_cast<double>(b[k]);
      for (std::size_t i = 0; i < 12; ++i)
        logits[k] += static_cast<double>(w[12 * k + i]) * static_cast<double>(rows[i]);
    }
    return std::exp(logits[1]) / (std::exp(logits[0]) + std::exp(logits[1]));
  }

  // v = W row + b, made as long as 1.
  numbers feature(const std::string& name, const std::vector<S>& row, std::size_t width) const {
    const auto w = model.values().read(name + ".weight"), b = model.values().read(name + ".bias");
    numbers v;
    for (std::size_t k = 0; k < b.size(); ++k) {
      v.push_back(static_cast<double>(b[k]));
      for (std::size_t i = 0; i < width; ++i)
        v[k] += static_cast<double>(w[width * k + i]) * static_cast<double>(row[i]);
    }
    const double length = std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
    for (double& x : v) x /= length;
    return v;
  }
  double similarity(device<B>& d, const image& picture, const std::string& text) const {
    auto t = model.inference(d);
    buffer<B, S> pixels;
    const numbers a = feature("vision_proj", to_host(rows_of_picture(t, model->towers(), picture, pixels).rows), 20);
    const text_batch<B> batch(std::vector<std::vector<int>>{ids_of(text)}, tokens.size());
    const numbers b = feature("text_proj", to_host(model->towers().text(t, batch.ids(), batch.layout())), 12);
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  }

  wordpiece tokens = fuses ? albef_words() : blip_words();
  owned<Model, B> model{7, options_of(fuses ? 3 : 2, fuses ? 1 : 0, tokens.size()),
                        itc<features>(itc_options{.queue = 0}),
                        itm<>({.first_token = fuses ? -1 : tokens.id("[ENC]")})};
};

// 5 pictures with 6 texts: every pair, some of them twice, in no order; picture 3 in none.
std::vector<pair_of> some_pairs() {
  std::vector<pair_of> pairs;
  for (int i = 0; i < 37; ++i)
    if ((i * 11) % 5 != 3) pairs.push_back({(i * 11) % 5, (i * 7) % 6});
  return pairs;
}

template <class Model>
void check_probabilities() {
  using B = typename Model::backend_type;
  const judge<Model> j;
  const seen_world w = world_of(6);
  const std::span pictures = std::span(w.pictures).first(5);
  const std::vector<pair_of> pairs = some_pairs();
  device<B> d;
  const std::vector<double> found = j.with(64).probabilities(d, pictures, w.texts, pairs);
  REQUIRE(found.size() == pairs.size());
  double least = 1, most = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double expected = j.probability(d, at(w.pictures, pairs[i].picture), at(w.texts, pairs[i].text));
    CHECK(std::abs(found[i] - expected) < (std::is_same_v<B, cpu> ? 1e-5 : 1e-12));
    least = std::min(least, found[i]), most = std::max(most, found[i]);
  }
  CHECK(most - least > 0.01);  // or nothing was told apart
  for (const int batch : {1, 2, 3, 5, 17})
    CHECK(difference_of_bits(j.with(batch).probabilities(d, pictures, w.texts, pairs), found) == "");
  for (std::size_t i = 0; i < pairs.size(); i += 5) {
    const std::vector<image> picture{at(w.pictures, pairs[i].picture)};
    const std::vector<std::string> text{at(w.texts, pairs[i].text)};
    CHECK(difference_of_bits(j.with(8).probabilities(d, picture, text), {found[i]}) == "");
  }
}

template <class Model>
void check_features() {
  using B = typename Model::backend_type;
  const judge<Model> j;
  const seen_world w = world_of(7);
  device<B> d;
  const feature_rows a = j.with(64).image_features(d, w.pictures), b = j.with(64).text_features(d, w.texts);
  REQUIRE((a.count == 7 && b.count == 7 && a.width == 6 && b.width == 6 && a.values.size() == 42));
  const auto dot = [](std::span<const float> x, std::span<const float> y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  for (int i = 0; i < 7; ++i) {
    CHECK(std::abs(dot(a.row(i), a.row(i)) - 1) < 1e-6);
    CHECK(std::abs(dot(b.row(i), b.row(i)) - 1) < 1e-6);
    for (const int k : {0, 3, i})
      CHECK(std::abs(dot(a.row(i), b.row(k)) - j.similarity(d, at(w.pictures, i), at(w.texts, k))) < 1e-5);
  }
  for (const int batch : {1, 2, 5}) {
    CHECK(j.with(batch).image_features(d, w.pictures).values == a.values);
    CHECK(j.with(batch).text_features(d, w.texts).values == b.values);
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("matcher: a probability is the softmax of the ITM head, with the same bits in any batch",
                        "[tasks]", test::golden_backends) {
  check_probabilities<blip_matching<TestType>>();
  check_probabilities<albef_matching<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("matcher: features have unit length, their product is the ITC similarity", "[tasks]",
                        test::golden_backends) {
  check_features<blip_matching<TestType>>();
  check_features<albef_matching<TestType>>();
}

TEST_CASE("matcher: threads within a pass, and threads that share a matcher, do not show", "[tasks]") {
  const judge<blip_matching<cpu>> j;
  const auto m = j.with(4);
  const seen_world w = world_of(6);
  const std::vector<pair_of> pairs = some_pairs();
  device<cpu> one({.threads = 1});
  const std::vector<double> found = m.probabilities(one, w.pictures, w.texts, pairs);
  const auto pictures = m.image_features(one, w.pictures).values, texts = m.text_features(one, w.texts).values;
  for (const int threads : {2, 3}) {
    device<cpu> d({.threads = threads});
    CHECK(difference_of_bits(m.probabilities(d, w.pictures, w.texts, pairs), found) == "");
    CHECK(m.image_features(d, w.pictures).values == pictures);
    CHECK(m.text_features(d, w.texts).values == texts);
  }
  std::vector<std::vector<double>> results(3);
  std::vector<std::thread> threads;
  for (std::vector<double>& mine : results)
    threads.emplace_back([&] {
      device<cpu> d({.threads = 1});
      for (int n = 0; n < 3; ++n) mine = m.probabilities(d, w.pictures, w.texts, pairs);
    });
  for (std::thread& t : threads) t.join();
  for (const std::vector<double>& r : results) CHECK(difference_of_bits(r, found) == "");
}

TEST_CASE("matcher: nothing to judge gives nothing; numbers of none, unequal lists and sizes of 0 are refused",
          "[tasks]") {
  const judge<blip_matching<cpu>> j;
  const auto m = j.with(4);
  const seen_world w = world_of(3);
  device<cpu> d({.threads = 1});
  CHECK(m.probabilities(d, w.pictures, w.texts, {}).empty());
  CHECK(m.probabilities(d, {}, {}).empty());
  CHECK(m.image_features(d, {}).count == 0);
  CHECK(m.text_features(d, {}).count == 0);
  for (const pair_of wrong : {pair_of{3, 0}, pair_of{-1, 0}, pair_of{0, 3}, pair_of{0, -1}})
    CHECK_THROWS_AS(m.probabilities(d, w.pictures, w.texts, std::vector<pair_of>{{0, 0}, wrong}), shape_error);
  CHECK_THROWS_WITH(m.probabilities(d, w.pictures, w.texts, std::vector<pair_of>{{0, 3}}),
                    Catch::Contains("text of a pair") && Catch::Contains("0 to 2"));
  CHECK_THROWS_AS(m.probabilities(d, w.pictures, std::vector<std::string>{"a circle"}), shape_error);
  CHECK_THROWS_AS(j.with(0), config_error);
  CHECK_THROWS_AS(j.with(1, 1).text_features(d, w.texts), config_error);  // no room between [CLS] and [SEP]
  std::string endless;
  for (int i = 0; i < 40; ++i) endless += "circle ";
  const std::vector<std::string> text{endless};
  CHECK_THROWS_AS(j.with(1, 35).text_features(d, text), error);  // more tokens than the tower has positions
  CHECK_NOTHROW(m.text_features(d, text));
  const std::vector<image> broken{image()};
  CHECK_THROWS_AS(m.image_features(d, broken), error);
}

TEST_CASE("matcher: a text that is too long is cut, its end does not count", "[tasks]") {
  const judge<blip_matching<cpu>> j;
  const seen_world w = world_of(1);
  device<cpu> d({.threads = 1});
  const auto m = j.with(4, 6);
  const std::vector<std::string> four{"a small red circle"}, more{"a small red circle and a large blue ring"};
  CHECK(m.probabilities(d, w.pictures, four) == m.probabilities(d, w.pictures, more));
  CHECK(m.text_features(d, four).values == m.text_features(d, more).values);
  CHECK(j.with(4).probabilities(d, w.pictures, four) != j.with(4).probabilities(d, w.pictures, more));
}

TEST_CASE("device_matcher: judges in order, or the pictures that it is told", "[tasks]") {
  using model = blip_matching<cpu>;
  const judge<model> j;
  const auto m = j.with(4);
  const seen_world w = world_of(4);
  device<cpu> d({.threads = 1});
  const device_matcher<model> here{d, m};
  static_assert(indexed_matcher<device_matcher<model>>);
  CHECK(here.match(w.pictures, w.texts) == m.probabilities(d, w.pictures, w.texts));
  const std::vector<double> found = here.match(w.pictures, w.texts, std::vector<int>{2, 2, 0, 3});
  CHECK(found == m.probabilities(d, w.pictures, w.texts, std::vector<pair_of>{{2, 0}, {2, 1}, {0, 2}, {3, 3}}));
}
