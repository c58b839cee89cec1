// expect: blip::var: layers take matrices with their width in the type
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/layer_norm.hpp"
#include "prelude.hpp"

void run(inference& t, const layer_norm<5, B>& layer, matrix_view<const double> rows) {
#ifdef BLIP_MISUSE
  layer.forward(t, t.input(rows));
#else
  layer.forward(t, t.input<5>(rows));
#endif
}
