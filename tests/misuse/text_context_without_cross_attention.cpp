// expect: blip::text_transformer: text_config::context is given but ::cross is none
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

text_transformer<text_config{.width = 6,
                             .heads = 2,
                             .hidden = 7,
                             .context = 5,
                             .cross = misuse ? cross_schedule::none : cross_schedule::all},
                 B>
    tower({});
