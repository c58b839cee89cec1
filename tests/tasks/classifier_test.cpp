// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/classifier.hpp"

#include <array>
#include <cmath>
#include <thread>

#include "blip/data/entailment_record.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_models.hpp"

using namespace blip;
using namespace blip_test;

namespace {

template <class B>
using entailing = albef_entailment<encoder_structure(vision, text_of(cross_schedule::from_layer)), B>;
template <class B>
using albef_pairs = albef_pair_reasoning<albef_pair_structure(vision, text_of(cross_schedule::from_layer)), B>;
template <class B>
using blip_pairs = blip_pair_reasoning<blip_pair_structure(vision, text_of(cross_schedule::all)), B>;

using probabilities = std::vector<std::vector<double>>;

// A model that tells classes apart, with its tokenizer.
template <class Model>
struct judge {
  using B = typename Model::backend_type;
  using S = typename B::scalar;
  using loss_type = std::remove_cvref_t<decltype(std::declval<Model&>().template loss_at<0>())>;
  static constexpr bool albef = Model::towers_type::fuses_states;
  static constexpr std::size_t each = Model::pictures_per_text;

  judge() { scatter(model.values()); }

  classifier<Model> with(classifier_options o = {}) const {
    o.view = view;
    return {*model, model.values(), tokens, o};
  }
  static tower_options sizes(int words) {
    tower_options o = options_of(albef ? 3 : 2, albef ? 1 : 0, words);
    o.text.merge_from = 1;
    if (albef && each == 2) o.text = albef_pair_options(o.text);
    return o;
  }

  // One text alone, composed by hand. `pictures` are those that it reads.
  std::vector<double> by_hand(device<B>& d, const std::vector<image>& pictures, const std::string& text) const {
    auto t = model.inference(d);
    const auto& towers = model->towers();
    const std::vector<float> pixels = evaluation_pixels(pictures, view);
    const std::vector<S> as(pixels.begin(), pixels.end());
    const buffer<B, S> held{std::span<const S>(as)};
    const int size = 3 * view.height * view.width;
    const auto rows =
        towers.images(t, images<inference_tape<B>>(t.input({held.data(), static_cast<int>(each), size, size, nullptr}),
                                                   3, view.height, view.width));
    std::vector<int> ids = tokens.encode(clean_caption(albef ? cleaning::albef : cleaning::blip, text));
    if (!albef) ids[0] = tokens.id("[ENC]");
    const text_batch<B> batch(std::vector<std::vector<int>>{ids}, tokens.size());
    const auto context = [&] {
      if constexpr (each == 2)
        return towers.project_pairs(t, rows);
      else
        return towers.project(t, rows);
    }();
    const auto states = to_host(towers.multimodal(t, batch.ids(), batch.layout(), context, nullptr));
    const auto layer = [&](const std::string& name, const numbers& x) {
      const auto w = model.values().read(name + ".weight"), b = model.values().read(name + ".bias");
      numbers y;
      for (std::size_t k = 0; k < b.size(); ++k) {
        y.push_back(static_cast<double>(b[k]));
        for (std::size_t i = 0; i < x.size(); ++i) y[k] += static_cast<double>(w[k * x.size() + i]) * x[i];
      }
      return y;
    };
    numbers hidden = layer("cls_head.0", numbers(states.begin(), states.begin() + 12));
    for (double& x : hidden) x = std::max(x, 0.0);
    numbers p = layer("cls_head.2", hidden);
    double sum = 0;
    for (double& x : p) sum += x = std::exp(x);
    for (double& x : p) x /= sum;
    return p;
  }

  wordpiece tokens = albef ? albef_words() : blip_words();
  owned<Model, B> model{7, sizes(tokens.size()), loss_type()};
};

// Texts about one picture each, or about two; some pictures are read often, picture 3 never.
template <std::size_t Each>
struct claims {
  seen_world world = world_of(6);
  std::vector<std::string> texts = [this] {
    std::vector<std::string> all = world.texts;
    all.push_back("A red circle, left of (two) rings."), all.push_back("there is nothing");
    return all;
  }();
  std::vector<int> of = [this] {
    std::vector<int> all;
    for (int i = 0; all.size() < Each * texts.size(); ++i)
      if ((i * 5) % 6 != 3) all.push_back((i * 5) % 6);
    return all;
  }();

  std::vector<image> pictures(std::size_t text) const {
    std::vector<image> all;
    for (std::size_t k = 0; k < Each; ++k) all.push_back(at(world.pictures, of[Each * text + k]));
    return all;
  }
};

bool same(const probabilities& a, const probabilities& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return difference_of_bits(x, y).empty(); });
}

template <class Model>
void check(std::size_t classes) {
  using B = typename Model::backend_type;
  const judge<Model> j;
  const claims<judge<Model>::each> c;
  device<B> d;
  const probabilities found = j.with()(d, c.world.pictures, c.texts, c.of);
  REQUIRE(found.size() == c.texts.size());
  double least = 1, most = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::vector<double> expected = j.by_hand(d, c.pictures(i), c.texts[i]);
    REQUIRE((found[i].size() == classes && expected.size() == classes));
    double sum = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      CHECK(std::abs(found[i][k] - expected[k]) < (std::is_same_v<B, cpu> ? 1e-5 : 1e-12));
      sum += found[i][k];
    }
    CHECK(std::abs(sum - 1) < 1e-12);
    least = std::min(least, found[i][0]), most = std::max(most, found[i][0]);
  }
  CHECK(most - least > 0.01);  // or nothing was told apart
  for (const int batch : {1, 2, 3, 5}) CHECK(same(j.with({.batch = batch})(d, c.world.pictures, c.texts, c.of), found));
  // A text alone, with pictures of its own.
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(same(j.with()(d, c.pictures(i), std::vector<std::string>{c.texts[i]}), {found[i]}));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("classifier: entailment is the softmax of the head, with the same bits in any batch", "[tasks]",
                        test::golden_backends) {
  check<entailing<TestType>>(entailment_labels.size());
}

TEMPLATE_LIST_TEST_CASE("classifier: a sentence about two pictures is the softmax of the head, in any batch", "[tasks]",
                        test::golden_backends) {
  check<albef_pairs<TestType>>(2);
  check<blip_pairs<TestType>>(2);
}

TEST_CASE("classifier: the order of the pictures counts, their places in the list do not", "[tasks]") {
  const judge<blip_pairs<cpu>> j;
  const seen_world w = world_of(2);
  device<cpu> d({.threads = 1});
  const std::vector<std::string> text{"a red circle"};
  const auto m = j.with();
  const probabilities plain = m(d, w.pictures, text);
  CHECK_FALSE(same(m(d, w.pictures, text, std::vector<int>{1, 0}), plain));
  const std::vector<image> turned{w.pictures[1], w.pictures[0]};
  CHECK(same(m(d, turned, text, std::vector<int>{1, 0}), plain));
  const std::vector<image> twice{w.pictures[0], w.pictures[0]};
  CHECK(same(m(d, twice, text), m(d, w.pictures, text, std::vector<int>{0, 0})));
}

TEST_CASE("classifier: threads within a pass, and threads that share a classifier, do not show", "[tasks]") {
  const judge<albef_pairs<cpu>> j;
  const claims<2> c;
  const auto m = j.with({.batch = 3});
  device<cpu> one({.threads = 1}), three({.threads = 3});
  const probabilities found = m(one, c.world.pictures, c.texts, c.of);
  CHECK(same(m(three, c.world.pictures, c.texts, c.of), found));
  std::array<probabilities, 3> results;
  std::vector<std::thread> threads;
  for (probabilities& mine : results)
    threads.emplace_back([&] {
      device<cpu> d({.threads = 1});
      mine = m(d, c.world.pictures, c.texts, c.of);
    });
  for (std::thread& t : threads) t.join();
  for (const probabilities& r : results) CHECK(same(r, found));
}

TEST_CASE("classifier: texts are cleaned as published, unless told otherwise", "[tasks]") {
  const judge<entailing<cpu>> j;
  const seen_world w = world_of(1);
  device<cpu> d({.threads = 1});
  const auto of = [&](classifier_options o, const std::string& text) {
    return j.with(o)(d, w.pictures, std::vector<std::string>{text});
  };
  CHECK(same(of({}, "A red circle!"), of({}, "a red circle")));
  CHECK_FALSE(same(of({.cleaned = false}, "a red circle!"), of({}, "a red circle")));
  CHECK(same(of({.words = 2}, "a red circle"), of({}, "a red")));
  CHECK(same(of({.longest = 3}, "a red circle"), of({}, "a red")));
}

TEST_CASE("classifier: no texts give nothing; numbers that do not fit are refused", "[tasks]") {
  const judge<blip_pairs<cpu>> j;
  const seen_world w = world_of(3);
  device<cpu> d({.threads = 1});
  const std::vector<std::string> none, one{"a circle"};
  CHECK(j.with()(d, {}, none).empty());
  CHECK_THROWS_AS(j.with({.batch = 0}), config_error);
  CHECK_THROWS_AS(j.with()(d, w.pictures, one), shape_error);  // three pictures, not two
  CHECK_THROWS_AS(j.with()(d, w.pictures, one, std::vector<int>{0}), shape_error);
  CHECK_THROWS_WITH(j.with()(d, w.pictures, one, std::vector<int>{0, 3}),
                    Catch::Contains("picture of a text") && Catch::Contains("0 to 2"));
  CHECK_THROWS_AS(j.with()(d, w.pictures, one, std::vector<int>{-1, 0}), shape_error);
  CHECK_THROWS_AS(j.with()(d, std::vector<image>{w.pictures[0], image()}, one), error);
  std::string endless;
  for (int i = 0; i < 40; ++i) endless += "circle ";
  CHECK_THROWS_AS(j.with()(d, w.pictures, std::vector<std::string>{endless}, std::vector<int>{0, 1}), error);
  CHECK_NOTHROW(j.with({.longest = 20})(d, w.pictures, std::vector<std::string>{endless}, std::vector<int>{0, 1}));
  const wordpiece plain(vocabulary(scenes::word_list(scenes::world_size::nano)));  // without [ENC]
  CHECK_THROWS_AS((classifier<blip_pairs<cpu>>(*j.model, j.model.values(), plain)), config_error);
}
