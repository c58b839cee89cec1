// expect: blip::walk: a part has no `template <class S, class F> static void members(S& self, F&& f)`
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

struct projection {
  linear<linear_config{.in = 5, .out = 3}, B> dense;
#ifndef BLIP_MISUSE
  template <class S, class F>
  static void members(S& self, F&& f) {
    f("dense", self.dense);
  }
#endif
};
void run(arena_layout& layout, projection& p) { layout.place("projection", p); }
