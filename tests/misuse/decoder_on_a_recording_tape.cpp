// expect: blip::decoder_model: decoding has no gradients; use an inference_tape
// SPDX-License-Identifier: Apache-2.0
#include "blip/generate/decoder_model.hpp"
#include "blip/layers/lm_head.hpp"
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

using tape_type = either<inference, training>;
using tower = text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7, .context = 5, .cross = cross_schedule::all}, B>;
void run(tape_type& t, const tower& x, const lm_head<6, B>& head, const projected_context<tape_type, 6>& context) {
  decoder_model m(t, x, head, context);
}
