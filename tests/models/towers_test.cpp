// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/owned.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/models/text_transformer.hpp"
#include "blip/models/vit.hpp"
#include "blip/ops/first_rows.hpp"
#include "support/laws.hpp"

using namespace blip_test;
using namespace blip;

namespace {

constexpr text_config crossing{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::all};
constexpr text_config fusing{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::from_layer};
constexpr text_config turning{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::from_layer,
                              .reading = picture_reading::by_turns};
constexpr text_config twins{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::all,
                            .reading = picture_reading::both};
constexpr text_options small{.layers = 2, .cross_from = 1,
                             .embedding = {.vocabulary = 11, .positions = 6, .token_types = 2, .norm_eps = 1e-5, .dropout = 0.1f},
                             .norm_eps = 1e-5, .dropout = 0.1f, .attention_dropout = 0.1f};
const law_case texts{.inputs = {{8, 10}}, .ints = {{{4, 1, 10, 4, 4, 7, 1}, 0}, {{1, 0}}},
                     .layouts = {law_layout::packed({3, 4}), law_layout::equal(2, 4)},
                     .tape = {.stochastic = true, .seed = 11}};

law_subject eye(vit_options o) {
  return subject([o]<class B>() { return vit<vit_config{.width = 12, .heads = 2, .hidden = 16, .patch = 2}, B>(o); },
                 [o](auto& t, const auto& m, const auto& a) {
                   const int side = o.any_size ? 6 : 4;
                   return m.forward(t, images<std::decay_t<decltype(t)>>(a.tensor(0), 3, 4, side)).ref();
                 });
}

}  // namespace

TEST_CASE("the vision tower obeys the laws", "[models]") {
  const law_case pictures{.inputs = {{2, 48}}, .tape = {.stochastic = true, .seed = 5}};
  const vit_options o{.depth = 2, .image_height = 4, .image_width = 4, .norm_eps = 1e-5, .drop_path = 0.3f, .dropout = 0.1f};
  check_laws(eye(o), pictures, of_a_tower);
  vit_options again = o;
  again.checkpoint_last = 1;
  check_laws(eye(again), pictures, std::nullopt);
}

TEST_CASE("the vision tower gives class rows alone as among all", "[models]") {
  const law_case pictures{.inputs = {{3, 48}}, .tape = {.stochastic = true, .seed = 5}};
  for (const int again : {0, 1, 2}) {
    const vit_options o{.depth = 2, .image_height = 4, .image_width = 4, .norm_eps = 1e-5, .drop_path = 0.3f, .dropout = 0.1f,
                        .checkpoint_last = again};
    const auto tower = [&](bool alone) {
      return subject([o]<class B>() { return vit<vit_config{.width = 12, .heads = 2, .hidden = 16, .patch = 2}, B>(o); },
                     [alone](auto& t, const auto& m, const auto& a) {
                       const images<std::decay_t<decltype(t)>> x(a.tensor(0), 3, 4, 4);
                       return (alone ? m.forward_first(t, x) : ops::first_rows(t, m.forward(t, x), m.layout(x))).ref();
                     });
    };
    const auto alone = tower(true).cpu(pictures, {}), all = tower(false).cpu(pictures, {});
    const law_point p = random_point(pictures, all->entries());
    const numbers dy = random_numbers(3 * 12, 3);
    same_values(alone->record(p, dy), all->record(p, dy), of_float.gradient);
  }
}

TEST_CASE("the vision tower takes other pictures by resizing its position table", "[models]") {
  check_laws(eye({.depth = 1, .image_height = 4, .image_width = 4, .any_size = true, .norm_eps = 1e-5}), {.inputs = {{2, 72}}},
             of_a_tower);
}

TEST_CASE("the text tower reads pictures in every layer, as encoder and as decoder", "[models][.long]") {
  for (const bool causal : {false, true})
    check_laws(subject([]<class B>() { return text_transformer<crossing, B>(small); }, [causal](auto& t, const auto& m, const auto& a) {
      const auto context = m.project(t, a.x(0, w<10>), a.layout(1));
      return m.multimodal(t, a.ints(0), a.layout(0), context, a.ints(1), causal).ref();
    }), texts, of_a_tower);
}

namespace {

// The first rows of the texts, alone or of all.
template <text_config C>
law_subject first_of_text(text_options o, bool alone, bool reads) {
  return subject([o]<class B>() { return text_transformer<C, B>(o); }, [alone, reads](auto& t, const auto& m, const auto& a) {
    const auto& rows = a.layout(0);
    if (!reads)
      return (alone ? m.text_first(t, a.ints(0), rows) : ops::first_rows(t, m.text(t, a.ints(0), rows), rows)).ref();
    const auto context = m.project(t, a.x(0, w<10>), a.layout(1));
    if constexpr (C.cross == cross_schedule::from_layer) {
      const auto states = m.text(t, a.ints(0), rows);
      return (alone ? m.fuse_first(t, states, rows, context, a.ints(1))
                    : ops::first_rows(t, m.fuse(t, states, rows, context, a.ints(1)), rows)).ref();
    } else {
      return (alone ? m.multimodal_first(t, a.ints(0), rows, context, a.ints(1))
                    : ops::first_rows(t, m.multimodal(t, a.ints(0), rows, context, a.ints(1)), rows)).ref();
    }
  });
}

template <text_config C>
void first_of_text_law(const text_options& o, bool reads) {
  const auto alone = first_of_text<C>(o, true, reads).cpu(texts, {}), all = first_of_text<C>(o, false, reads).cpu(texts, {});
  const law_point p = random_point(texts, all->entries());
  const numbers dy = random_numbers(2 * 12, 3);
  same_values(alone->record(p, dy), all->record(p, dy), of_float.gradient);
}

}  // namespace

TEST_CASE("the text tower gives first rows alone as among all", "[models]") {
  text_options again = small, none = small;
  again.checkpoint_last = 2, none.cross_from = none.layers;
  for (const text_options& o : {small, again})
    for (const bool reads : {false, true}) first_of_text_law<crossing>(o, reads), first_of_text_law<fusing>(o, reads);
  first_of_text_law<fusing>(none, true);
}

TEST_CASE("the text tower fuses given states from a layer on", "[models]") {
  const auto tower = [](const text_options& o) {
    return subject([o]<class B>() { return text_transformer<fusing, B>(o); },
                   [](auto& t, const auto& m, const auto& a) {
                     const auto context = m.project(t, a.x(0, w<10>), a.layout(1));
                     const auto states = m.text(t, a.ints(0), a.layout(0));
                     return m.fuse(t, states, a.layout(0), context, a.ints(1)).ref();
                   });
  };
  check_laws(tower(small), texts, of_a_tower);
  // Layers that are run again, one without and one with cross-attention, give the same bits.
  text_options again = small;
  again.checkpoint_last = 2;
  check_laws(tower(again), texts, std::nullopt);
  const auto kept = tower(small).cpu(texts, {}), recomputed = tower(again).cpu(texts, {});
  const law_point p = random_point(texts, kept->entries());
  const numbers dy = random_numbers(7 * 12, 3);
  same_bits(kept->record(p, dy), recomputed->record(p, dy));
}

namespace {

// In order, or as a source index says.
template <class Make>
void check_laws_of_two_pictures(Make make) {
  for (const bool in_order : {true, false})
    check_laws(subject(make, [in_order](auto& t, const auto& m, const auto& a) {
      const auto context = in_order ? m.project_pairs(t, a.x(0, w<10>), a.layout(1)) : m.project(t, a.x(0, w<10>), a.layout(1));
      return m.multimodal(t, a.ints(0), a.layout(0), context, in_order ? nullptr : a.ints(1)).ref();
    }), {.inputs = {{8, 10}}, .ints = {{{4, 1, 10, 4, 4, 7, 1}, 0}, {{3, 0, 1, 3}}},
         .layouts = {law_layout::packed({3, 4}), law_layout::equal(4, 2)},
         .tape = {.stochastic = true, .seed = 11}}, of_a_tower);
}

}  // namespace

TEST_CASE("texts read two pictures by turns, in order or as a source index says", "[models]") {
  text_options o = small;
  o.layers = 3;
  check_laws_of_two_pictures([o]<class B>() { return text_transformer<turning, B>(o); });
}

TEST_CASE("texts read two pictures both at once, in order or as a source index says", "[models][.long]") {
  text_options o = small;
  o.layers = 3, o.merge_from = 2;
  for (const int again : {0, 3}) {
    o.checkpoint_last = again;
    check_laws_of_two_pictures([o]<class B>() { return text_transformer<twins, B>(o); });
  }
}

// O28
TEST_CASE("layers that take turns share keys and values and nothing else; equal twins are one cross-attention", "[models]") {
  using B = reference<>;
  device<B> d;
  text_options o = small;
  o.layers = 3, o.merge_from = 3;
  const numbers picture(40);
  const std::vector<int> ids{4, 1, 10};
  const text_batch<B> words(std::vector<std::vector<int>>{ids}, 11);
  const auto two_equal = [&](auto& t) {
    std::vector<double> both(picture.begin(), picture.end());
    both.insert(both.end(), picture.begin(), picture.end());
    const buffer<B, double> rows{std::span<const double>(both)};
    const auto x = t.template input<10>({rows.data(), 8, 10, 10, nullptr});
    const auto kept = ops::scale(t, x, 1);  // outlives `rows`
    return kept;
  };

  const owned<text_transformer<turning, B>, B> turns(1, o);
  const auto& layout = *turns.values().layout();
  const auto entry = [&](int layer, const char* part) {
    return layout.at("encoder.layer." + std::to_string(layer) + ".crossattention." + part).entry;
  };
  for (const char* shared : {"self.key.weight", "self.key.bias", "self.value.weight", "self.value.bias"})
    CHECK(entry(1, shared) == entry(2, shared));
  for (const char* own : {"self.query.weight", "output.dense.weight", "output.LayerNorm.weight"})
    CHECK(entry(1, own) != entry(2, own));
  {
    auto t = turns.inference(d);
    const auto context = turns->project_pairs(t, two_equal(t), sequence_layout::uniform(2, 4));
    CHECK(to_host(context.layers[0]) == to_host(context.layers[1]));
  }

  owned<text_transformer<twins, B>, B> twin(1, o);
  owned<text_transformer<crossing, B>, B> single(2, o);
  for (const auto& n : single.values().layout()->names()) {
    const auto values = single.values().read(n.text);
    const auto at = n.text.find(".crossattention.self."), out = n.text.find(".crossattention.output.dense");
    if (at == n.text.npos && out == n.text.npos) {
      twin.values().template write<double>(n.text, std::span<const double>(values));
      continue;
    }
    const std::size_t place = at != n.text.npos ? at + 20 : out + 28;
    for (const char* number : {"0", "1"})
      twin.values().template write<double>(std::string(n.text).insert(place, number), std::span<const double>(values));
  }
  auto t = twin.inference(d);
  auto u = single.inference(d);
  const auto pairs = twin->project_pairs(t, two_equal(t), sequence_layout::uniform(2, 4));
  const auto one = single->project(u, u.input<10>({picture.data(), 4, 10, 10, nullptr}), sequence_layout::uniform(1, 4));
  const auto a = to_host(twin->multimodal(t, words.ids(), words.layout(), pairs));
  const auto b = to_host(single->multimodal(u, words.ids(), words.layout(), one));
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 1e-14);

  o.layers = 2;
  CHECK_THROWS_AS((text_transformer<turning, B>(o)), config_error);  // one layer cannot take turns
}

TEST_CASE("parameters are counted as they are placed, whichever way pictures are read", "[models]") {
  const auto agrees = []<text_config C>(std::integral_constant<text_config, C>, int layers, int merge_from) {
    text_options o = small;
    o.layers = layers, o.merge_from = merge_from;
    text_transformer<C, reference<>> tower(o);
    arena_layout layout;
    layout.place("", tower);
    CHECK(layout.parameters() == parameter_count(C, o));
  };
  constexpr text_config late_twins{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::from_layer,
                                   .reading = picture_reading::both};
  agrees(std::integral_constant<text_config, turning>{}, 5, 0);
  for (const int merge_from : {0, 2, 4, 9}) {
    agrees(std::integral_constant<text_config, twins>{}, 5, merge_from);
    agrees(std::integral_constant<text_config, late_twins>{}, 5, merge_from);
  }
}

TEST_CASE("text alone needs no context", "[models]") {
  check_laws(subject([]<class B>() { return text_transformer<crossing, B>(small); }, [](auto& t, const auto& m, const auto& a) {
    return m.text(t, a.ints(0), a.layout(0), true).ref();
  }), {.ints = texts.ints, .layouts = texts.layouts, .output_split = 0, .tape = texts.tape}, of_a_tower);
}

TEST_CASE("the vision tower says what is wrong with a picture", "[models]") {
  using B = reference<>;
  const owned<vit<vit_config{.width = 12, .heads = 2, .hidden = 16, .patch = 2}, B>, B> tower(1, vit_options{.depth = 1, .image_height = 4, .image_width = 4});
  device<B> d;
  auto t = tower.inference(d);
  const numbers pixels(90);
  const auto give = [&](int h, int side) {
    return tower->forward(t, images<decltype(t)>(t.input({pixels.data(), 1, 3 * h * side, 3 * h * side, nullptr}), 3, h, side));
  };
  CHECK_THROWS_AS(give(4, 6), shape_error);  // any_size is off
  CHECK_THROWS_AS(give(5, 6), shape_error);  // a remainder
  CHECK_NOTHROW(give(4, 4));
}

TEST_CASE("a batch of texts refuses ids from elsewhere and empty texts", "[models]") {
  using B = reference<>;
  using list = std::vector<std::vector<int>>;
  CHECK_THROWS_AS(text_batch<B>(list{{1, 11}}, 11), shape_error);
  CHECK_THROWS_AS(text_batch<B>(list{{1, -1}}, 11), shape_error);
  CHECK_THROWS_AS(text_batch<B>(list{{1}, {}}, 11), shape_error);
  CHECK(text_batch<B>(list{{1, 2}, {3}}, 11).layout().rows == 3);
}
