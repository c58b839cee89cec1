// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI::detail {

// A text that comes from a file, fit for an error: control characters, which could end lines or steer a terminal, are
// question marks, and of more than `most` bytes the first ones stay, cut between characters of UTF-8.
inline std::string one_line(std::string_view text, std::size_t most = 1'024) {
  std::size_t kept = std::min(text.size(), most);
  if (kept < text.size())
    while (kept > 0 && (static_cast<unsigned char>(text[kept]) & 0xc0) == 0x80) --kept;
  std::string line(text.substr(0, kept));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return kept < text.size() ? line + "..." : line;
}

}  // namespace blip::inline BLIP_ABI::detail
