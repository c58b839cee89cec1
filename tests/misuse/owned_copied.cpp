// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "prelude.hpp"

using layer_type = owned<linear<linear_config{.in = 5, .out = 3}, B>, B>;
void run(layer_type& layer) {
#ifdef BLIP_MISUSE
  layer_type copy = layer;
#else
  layer_type& copy = layer;
#endif
  (void)copy;
}
