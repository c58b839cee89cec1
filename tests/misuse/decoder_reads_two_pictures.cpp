// expect: blip::text_transformer: a decoder reads one picture; set text_config::reading to picture_reading::one
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

using tower = text_transformer<text_config{.width = 6, .heads = 3, .hidden = 7, .context = 5, .cross = cross_schedule::all,
                                           .reading = misuse ? picture_reading::both : picture_reading::one}, B>;
void run(inference& t, const tower& x, const int* ids, const sequence_layout& rows,
         function_ref<cached_keys<inference, 6>(int)> cache, const projected_context<inference, 6>& context) {
  x.extend(t, ids, rows, cache, context);
}
