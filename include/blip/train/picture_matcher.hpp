// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// Whatever judges texts: match(pictures, texts)[i] is the probability, 0 to 1, that text i belongs to picture i (that
// of the ITM head), a function of these two alone, not of their neighbours in the call. It may have match(pictures,
// texts, of) as well, where text i is judged with picture of[i]: see indexed_matcher.
template <class M>
concept picture_matcher = requires(M& m, std::span<const image> pictures, std::span<const std::string> texts) {
  { m.match(pictures, texts) } -> std::same_as<std::vector<double>>;
};

// One that is given each picture once, however many texts it is judged with, and so need not look at it again for each.
template <class M>
concept indexed_matcher = picture_matcher<M> &&
    requires(M& m, std::span<const image> pictures, std::span<const std::string> texts, std::span<const int> of) {
  { m.match(pictures, texts, of) } -> std::same_as<std::vector<double>>;
};

// Stands where no text will be judged. Throws config_error if one is.
struct no_matcher {
  std::vector<double> match(std::span<const image>, std::span<const std::string>) const {
    throw config_error({"texts to be judged", "a matcher", "none", {}});
  }
};
static_assert(picture_matcher<no_matcher>);

}  // namespace blip::inline BLIP_ABI
