// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "blip/core/error.hpp"

namespace tool {

// Throws config_error for a text of spaces alone.
inline void require_text(const std::string& where, const std::string& text, const std::string& example) {
  if (text.find_first_not_of(" \t\r\n") == text.npos)
    throw blip::config_error({where, "a text", "nothing", "for example " + example});
}

}  // namespace tool
