// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/owned.hpp"
#include "blip/core/text_batch.hpp"
#include "blip/models/text_transformer.hpp"
#include "blip/models/vit.hpp"
#include "support/laws.hpp"

using namespace blip_test;
using namespace blip;

namespace {

constexpr text_config crossing{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::all};
constexpr text_config fusing{.width = 12, .heads = 3, .hidden = 16, .context = 10, .cross = cross_schedule::from_layer};
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

TEST_CASE("the vision tower takes other pictures by resizing its position table", "[models]") {
  check_laws(eye({.depth = 1, .image_height = 4, .image_width = 4, .any_size = true, .norm_eps = 1e-5}), {.inputs = {{2, 72}}},
             of_a_tower);
}

TEST_CASE("the text tower reads pictures in every layer, as encoder and as decoder", "[models]") {
  for (const bool causal : {false, true})
    check_laws(subject([]<class B>() { return text_transformer<crossing, B>(small); }, [causal](auto& t, const auto& m, const auto& a) {
      const auto context = m.project(t, a.x(0, w<10>), a.layout(1));
      return m.multimodal(t, a.ints(0), a.layout(0), context, a.ints(1), causal).ref();
    }), texts, of_a_tower);
}

TEST_CASE("the text tower fuses given states from a layer on", "[models]") {
  check_laws(subject([]<class B>() { return text_transformer<fusing, B>(small); }, [](auto& t, const auto& m, const auto& a) {
    const auto context = m.project(t, a.x(0, w<10>), a.layout(1));
    const auto states = m.text(t, a.ints(0), a.layout(0));
    return m.fuse(t, states, a.layout(0), context, a.ints(1)).ref();
  }), texts, of_a_tower);
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
