// expect: blip::text_transformer: no cross-attention; set text_config::cross and ::context
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

constexpr text_config plain{.width = 6, .heads = 3, .hidden = 7};
constexpr text_config crossing{.width = 6, .heads = 3, .hidden = 7, .context = 5, .cross = cross_schedule::from_layer};
void run(training& t, const text_transformer<misuse ? plain : crossing, B>& tower, const var<training, 5>& context,
         const sequence_layout& rows) {
  tower.project(t, context, rows);
}
