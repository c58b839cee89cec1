// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace blip_test {

inline bool says(const std::string& text, const char* what) { return text.find(what) != text.npos; }

}  // namespace blip_test
