// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// Whatever describes pictures: caption(pictures, streams)[i] is a function of picture i, of stream i and of what the
// captioner itself was made with (weights, sampler, seed), not of its neighbours in the call. A stream is the number of
// a caption, for its random numbers; a captioner that draws none, as beam search, leaves it alone.
template <class C>
concept picture_captioner = requires(C& c, std::span<const image> pictures, std::span<const std::uint64_t> streams) {
  { c.caption(pictures, streams) } -> std::same_as<std::vector<std::string>>;
};

// Stands where no caption will be asked for. Throws config_error if one is.
struct no_captioner {
  std::vector<std::string> caption(std::span<const image>, std::span<const std::uint64_t>) const {
    throw config_error({"captions of pictures", "a captioner", "none", {}});
  }
};
static_assert(picture_captioner<no_captioner>);

}  // namespace blip::inline BLIP_ABI
