// expect: blip::linear: set linear_config::in and ::out, both positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear.hpp"
#include "prelude.hpp"

linear<linear_config{.in = misuse ? -5 : 5, .out = 3}, B> layer;
