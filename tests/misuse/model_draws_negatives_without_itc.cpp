// expect: blip::vision_language_model: a loss draws negatives by similarity; list itc before it
// SPDX-License-Identifier: Apache-2.0
#include "blip/models/blip.hpp"
#include "prelude.hpp"

// Matching stands before the loss that says which pairs are hard to tell apart.
constexpr text_config reader{.width = 6, .heads = 3, .hidden = 7, .context = 4, .cross = cross_schedule::all};
using sizes = towers<encoder_structure({.width = 4, .heads = 2, .hidden = 7}, reader), B>;
using model = either<vision_language_model<sizes, itc<>, itm<>>, vision_language_model<sizes, itm<>, itc<>>>;
constexpr std::size_t losses = model::loss_count;
