// expect: blip::attention: set attention_config::heads, positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "prelude.hpp"

attention<attention_config{.width = 6, .heads = misuse ? 0 : 2}, B> layer;
