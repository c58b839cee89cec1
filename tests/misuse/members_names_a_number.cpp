// expect: blip::walk: a part has no `template <class S, class F> static void members(S& self, F&& f)`
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "prelude.hpp"

struct projection {
  linear<linear_config{.in = 5, .out = 3}, B> dense;
  double temperature = 0.07;
  template <class S, class F>
  static void members(S& self, F&& f) {
    f("dense", self.dense);
#ifdef BLIP_MISUSE
    f("temperature", self.temperature);
#endif
  }
};
owned<projection, B> p(1);
