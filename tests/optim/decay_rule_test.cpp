// SPDX-License-Identifier: Apache-2.0
#include "blip/optim/decay_rule.hpp"

#include "blip/backend/reference.hpp"
#include "blip/optim/adamw.hpp"
#include "optim/handmade.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("decay_rule: each family's exceptions", "[optim]") {
  struct fact {
    const char* name;
    int rank;
    bool albef, lavis;
  };
  for (const fact& f : {fact{"temp", 0, true, false}, fact{"visual_encoder.cls_token", 3, true, true},
                        fact{"visual_encoder.blocks.0.norm1.weight", 1, false, false},
                        fact{"visual_encoder.blocks.0.attn.qkv.bias", 1, false, false},
                        fact{"text_encoder.cls.predictions.bias", 1, false, false},
                        fact{"biased.weight", 2, true, false},   // LAVIS looks for parts of names
                        fact{"relative.bias", 2, false, false},  // ALBEF looks at the end
                        fact{"ln_vision.weight", 2, true, false}, fact{"bn.weight", 2, true, false},
                        fact{"bias", 2, true, false}, fact{"itm_head.weight", 2, true, true}}) {
    INFO(f.name);
    CHECK(decays(decay_rule::all, f.name, f.rank));
    CHECK(decays(decay_rule::matrices_only_albef, f.name, f.rank) == f.albef);
    CHECK(decays(decay_rule::lavis, f.name, f.rank) == f.lavis);
  }
}

TEST_CASE("decay_rule: any of an entry's names counts", "[optim]") {
  some_parameters module({{"words.weight", {7, 5}}, {"other", {3, 5}}});
  arena_layout layout;
  layout.place("", module);
  CHECK(decays(decay_rule::matrices_only_albef, layout) == std::vector<bool>{true, true});
  layout.alias("head.ln.bias", module.parts[0].second);
  CHECK(decays(decay_rule::all, layout) == std::vector<bool>{true, true});
  CHECK(decays(decay_rule::matrices_only_albef, layout) == std::vector<bool>{false, true});
  CHECK(decays(decay_rule::lavis, layout) == std::vector<bool>{false, true});
}

TEST_CASE("decay_rule: adamw takes it from its options, a temperature of rank 0 included", "[optim]") {
  using B = reference<double>;
  const handmade<B> m(usual);
  const auto decay = [&](adamw_options o) {
    const adamw<B> optimiser(m.values.layout(), o);
    numbers all;
    for (int i = 0; i < m.count(); ++i) all.push_back(optimiser.decay(i));
    return all;
  };
  CHECK(decay({}) == numbers{0.05, 0.05, 0, 0.05});
  CHECK(decay({.weight_decay = 0.02, .decayed = decay_rule::all}) == numbers{0.02, 0.02, 0.02, 0.02});
  CHECK(decay({.weight_decay = 0.02, .decayed = decay_rule::lavis}) == numbers{0, 0.02, 0, 0.02});
}
