// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/embedding.hpp"
#include "blip/layers/layer_norm.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/linear_group.hpp"
#include "blip/layers/lm_head.hpp"
#include "blip/layers/mlp.hpp"
#include "blip/layers/owned.hpp"
#include "blip/layers/patch_embedding.hpp"
#include "support/laws.hpp"

using namespace blip_test;
using namespace blip;

namespace {

const law_case rows{.inputs = {{5, 12, 0}}, .layouts = {law_layout::single_rows(5)}, .output_split = 0};

// A module of M<B> whose forward takes one matrix of 12 columns.
constexpr auto of_rows = [](auto& t, const auto& m, const auto& a) { return m.forward(t, a.x(0, w<12>)).ref(); };

// A head borrows the word table of someone else.
template <class B>
struct head_with_words {
  lm_head<12, B> head{11, 1e-5};
  parameter words{11, 12};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("head", s.head), f("words", s.words);
  }
};

}  // namespace

TEST_CASE("linear obeys the laws", "[layers]") {
  check_laws(subject([]<class B>() { return linear<linear_config{.in = 12, .out = 7}, B>(); }, of_rows), rows);
  check_laws(subject([]<class B>() { return linear<linear_config{.in = 12, .out = 7, .bias = false}, B>(); }, of_rows), rows);
}

TEST_CASE("a group of linears obeys the laws, and is its parts side by side", "[layers]") {
  check_laws(subject([]<class B>() { return linear_group<12, 4, 3, group_names::query_key_value, B>(); }, of_rows), rows);
  owned<linear_group<12, 4, 3, group_names::query_key_value, reference<>>, reference<>> group(3);
  CHECK(group.values().layout()->names().size() == 6);
  CHECK(group.values().layout()->parameters() == 12 * 12 + 12);
  const numbers key = random_numbers(48, 5);
  group.values().write<double>("key.weight", key);
  CHECK(difference_of_bits(group.values().read("key.weight"), key) == "");
}

TEST_CASE("layer norm and MLP obey the laws", "[layers]") {
  check_laws(subject([]<class B>() { return layer_norm<12, B>(1e-5); }, of_rows), rows);
  check_laws(subject([]<class B>() { return mlp<mlp_config{.width = 12, .hidden = 20}, B>(); }, of_rows), rows);
}

TEST_CASE("patch embedding obeys the laws", "[layers]") {
  check_laws(subject([]<class B>() { return patch_embedding<patch_config{.width = 10, .patch = 2, .channels = 3}, B>(); },
                     [](auto& t, const auto& m, const auto& a) {
                       return m.forward(t, images<std::decay_t<decltype(t)>>(a.tensor(0), 3, 4, 6)).ref();
                     }),
             {.inputs = {{2, 72}}});
}

TEST_CASE("embedding obeys the laws", "[layers]") {
  const law_case words{.ints = {{{4, 1, 10, 4, 4, 7, 1}, 0}}, .layouts = {law_layout::packed({3, 4})}, .output_split = 0,
                       .tape = {.stochastic = true, .seed = 3}};
  for (const int kinds : {0, 2})
    check_laws(subject([kinds]<class B>() {
      return embedding<12, B>({.vocabulary = 11, .positions = 6, .token_types = kinds, .norm_eps = 1e-5, .dropout = 0.2f});
    }, [](auto& t, const auto& m, const auto& a) { return m.forward(t, a.ints(0), a.layout(0)).ref(); }), words);
}

TEST_CASE("the language head obeys the laws, its word table included", "[layers]") {
  check_laws(subject([]<class B>() { return head_with_words<B>(); }, [](auto& t, const auto& m, const auto& a) {
    return m.head.forward(t, a.x(0, w<12>), m.words).ref();
  }), rows);
}
