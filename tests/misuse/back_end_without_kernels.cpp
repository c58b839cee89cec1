// expect: blip::kernels: this back end has no kernels; include blip/backend/<name>.hpp first
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

struct accelerator {
  using scalar = float;
  struct options {};
};
using T = inference_tape<either<B, accelerator>>;
using layer_type = linear<linear_config{.in = 5, .out = 3}, either<B, accelerator>>;
void run(T& t, const layer_type& layer, const var<T, 5>& x) { layer.forward(t, x); }
