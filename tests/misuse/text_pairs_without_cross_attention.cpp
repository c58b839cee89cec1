// expect: blip::text_transformer: text_config::reading says how pictures are read, but ::cross is none
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

using tower = text_transformer<
    text_config{.width = 6, .heads = 2, .hidden = 7, .reading = misuse ? picture_reading::both : picture_reading::one}, B>;
constexpr int width = tower::width;
