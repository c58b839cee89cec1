// SPDX-License-Identifier: Apache-2.0
#include "skeleton_layer.hpp"

#include "support/laws.hpp"

using namespace blip_test;
using namespace blip_examples;

TEST_CASE("skeleton_layer obeys the laws", "[skeleton_layer]") {
  // Two packed sequences of 3 and 4 rows. The laws cover the pullback against dual numbers and differences, every back
  // end, threads, a sequence alone, save and load, and memory.
  const law_case texts{.inputs = {{7, 12, 0}}, .layouts = {law_layout::packed({3, 4})}, .output_split = 0,
                       .tape = {.stochastic = true, .seed = 1}};
  check_laws(subject([]<class B>() { return skeleton_layer<skeleton_layer_config{.width = 12, .bottleneck = 5}, B>(0.2f); },
                     [](auto& t, const auto& m, const auto& a) { return m.forward(t, a.x(0, w<12>), a.layout(0)).ref(); }),
             texts);
}
