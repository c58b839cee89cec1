// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <span>
#include <string>

#include "blip/image/image.hpp"

// A number in as few digits as bring back its bits, as the tool writes it.
inline std::string exact_digits(double v) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, v).ptr};
}

// Writes models of the size of scenes that answer, entail and reason about two pictures, of both families, with
// parameters drawn at random; their words; and what the library says of the pictures: expected.txt.
void write_answers(const std::string& folder, std::span<const blip::image> pictures);
