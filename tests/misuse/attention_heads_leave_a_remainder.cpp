// expect: blip::attention: width must be a multiple of heads
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

attention<attention_config{.width = 6, .heads = misuse ? 4 : 3}, B> layer;
