// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "blip/data/scenes/claims.hpp"
#include "blip/data/scenes/parse.hpp"
#include "blip/data/scenes/scene.hpp"

namespace blip::inline BLIP_ABI::scenes {

// Whether what a sentence says is true of a scene; one that is no sentence of the world's grammar fails.
inline judgement judge_caption(std::string_view caption, const scene& shown) {
  const auto says = parse(caption);
  return says ? check(*says, shown) : judgement{};
}

}  // namespace blip::inline BLIP_ABI::scenes
