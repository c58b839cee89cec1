// SPDX-License-Identifier: Apache-2.0
//
// What the published state dictionaries hold, counted by models of their size that are laid out and never filled:
// names, tied ones each, and beside the parameters queues, their pointer, and a table of position ids for each text
// tower.
#include <set>

#include "blip/backend/reference.hpp"
#include "blip/core/arena_layout.hpp"
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

using floats = reference<float>;

struct inventory {
  int named = 0, averaged = 0;
  std::int64_t parameters = 0, averaged_parameters = 0;
};

template <class Model>
inventory count(Model&& m) {
  inventory n;
  arena_layout layout;
  layout.place("", m);
  n.named = static_cast<int>(layout.names().size());
  n.parameters = layout.parameters();
  if constexpr (requires { m.loss_count; }) {
    std::set<int> entries;
    std::remove_cvref_t<Model>::averaged(m, [&](std::string_view name, auto& part) {
      walk(part, name,
           [&](std::string_view, const parameter_rows& r, bool) { ++n.averaged, entries.insert(r.whole.entry()); });
    });
    for (const int e : entries) n.averaged_parameters += layout.entries()[static_cast<std::size_t>(e)].size();
  }
  return n;
}

// Towers alone, as a model.
template <tower_config C>
struct bare : towers<C, floats> {
  using towers<C, floats>::towers;
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    towers<C, floats>::averaged(s, f), towers<C, floats>::others(s, f);
  }
};

}  // namespace

TEST_CASE("inventory: ALBEF's pre-training has 844 entries and 209,937,725 trained parameters (O1)", "[oracles]") {
  const auto n = count(albef_pretraining<albef_base.structure, floats>(albef_base.options, itc<>(), itm<>(), mlm<>()));
  constexpr int queues = 3, position_ids = 2;
  CHECK(n.named + n.averaged + queues + position_ids == 844);
  CHECK(n.parameters == 209'937'725);
}

TEST_CASE(
    "inventory: BLIP's pre-training has 1,272 entries, 252,441,919 trained and 223,450,880 averaged parameters (O1)",
    "[oracles]") {
  const auto n = count(blip_pretraining<blip_base.structure, floats>(blip_base.options, itc<>(), itm<>(), lm()));
  constexpr int queues = 3, position_ids = 3;
  CHECK(n.named + n.averaged + queues + position_ids == 1272);
  CHECK(n.parameters == 252'441'919);
  CHECK(n.averaged_parameters == 223'450'880);
  const auto large = count(blip_pretraining<blip_large.structure, floats>(blip_large.options, itc<>(), itm<>(), lm()));
  CHECK(large.parameters == 474'729'023);
  CHECK(large.averaged_parameters == 445'737'984);
}

TEST_CASE("inventory: BLIP's fine-tuned models have 949, 474, 791, 473, 467 and 579 entries (O1)", "[oracles]") {
  const auto retrieval =
      count(blip_retrieval<blip_encoder_base.structure, floats>(blip_encoder_base.options, itc<>(), itm<>()));
  CHECK(retrieval.named + retrieval.averaged + 4 + 2 == 949);  // three queues and their pointer
  const auto caption = count(blip_captioner<blip_captioner_base.structure, floats>(blip_captioner_base.options, lm()));
  CHECK(caption.named + 1 == 474);
  CHECK(caption.parameters == 223'971'644);
  const auto answers =
      count(blip_answerer<blip_answerer_base.structure, floats>(blip_answerer_base.options, answer_list<>()));
  CHECK(answers.named + 2 == 791);
  CHECK(answers.parameters == 361'478'972);
  CHECK(retrieval.named - 1 + 1 == 473);  // matching at inference: no temperature
  CHECK(retrieval.parameters - 1 == 223'744'258);
  const auto features = count(bare<blip_encoder_base.structure>(blip_encoder_base.options));
  CHECK(features.named + 1 == 467);
  const auto pairs = count(blip_pair_reasoning<blip_pairs_base.structure, floats>(blip_pairs_base.options,
                                                                             classification<2, teacher::none, 2>()));
  CHECK(pairs.named + 1 == 579);
}
