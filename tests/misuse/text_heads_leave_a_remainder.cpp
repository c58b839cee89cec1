// expect: blip::text_transformer: width must be a multiple of heads
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/text_transformer.hpp"
#include "prelude.hpp"

text_transformer<text_config{.width = 768, .heads = misuse ? 10 : 12, .hidden = 3072}, B> tower({});
