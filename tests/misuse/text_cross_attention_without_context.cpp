// expect: blip::text_transformer: cross-attention needs text_config::context
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

text_transformer<
    text_config{.width = 6, .heads = 2, .hidden = 7, .context = misuse ? 0 : 5, .cross = cross_schedule::all}, B>
    tower({});
