// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// A text with every occurrence of `from` replaced, found from left to right without overlap.
template <class C>
std::basic_string<C> replace_all(std::basic_string_view<C> text, std::type_identity_t<std::basic_string_view<C>> from,
                                 std::type_identity_t<std::basic_string_view<C>> to) {
  std::basic_string<C> out;
  std::size_t begin = 0;
  for (std::size_t at = 0; !from.empty() && (at = text.find(from, begin)) != text.npos; begin = at + from.size())
    out.append(text.substr(begin, at - begin)).append(to);
  return out.append(text.substr(begin));
}

}  // namespace blip::inline BLIP_ABI
