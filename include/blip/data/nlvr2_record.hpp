// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/data/json_record.hpp"

namespace blip::inline BLIP_ABI {

// A sentence about two pictures: {sentence, label: "True" | "False", images: [left, right]}.
struct nlvr2_record {
  std::string sentence{};
  std::array<std::string, 2> images{};
  bool label = false;
};

// Throws what json_record throws, format_error for another label or number of pictures.
inline nlvr2_record read_nlvr2(const json_record& r) {
  std::vector<std::string> images = r.texts("images");
  if (images.size() != 2) r.fail("two \"images\"", std::to_string(images.size()));
  const std::string label = r.text("label");
  if (label != "True" && label != "False") r.fail("\"label\" True or False", "\"" + label.substr(0, 64) + "\"");
  return {r.text("sentence"), {std::move(images[0]), std::move(images[1])}, label == "True"};
}

// Which occurrences of left and right change places: words between single spaces (BLIP), or parts of words too (LAVIS).
enum class swapping { words, substrings };

// The same statement about the two pictures in the other order: left for right and right for left. It augments training;
// BLIP's published code does it in evaluation too. Source: BLIP data/nlvr_dataset.py.
inline nlvr2_record swapped(nlvr2_record r, swapping what = swapping::words) {
  std::swap(r.images[0], r.images[1]);
  constexpr std::string_view left = "left", right = "right";
  std::string out;
  for (std::size_t at = 0; at < r.sentence.size();) {
    const std::string_view rest = std::string_view(r.sentence).substr(at);
    const bool begins = what == swapping::substrings || at == 0 || r.sentence[at - 1] == ' ';
    const auto is = [&](std::string_view word) {
      return begins && rest.starts_with(word) &&
             (what == swapping::substrings || rest.size() == word.size() || rest[word.size()] == ' ');
    };
    if (is(left)) {
      out += right, at += left.size();
    } else if (is(right)) {
      out += left, at += right.size();
    } else {
      out += r.sentence[at++];
    }
  }
  r.sentence = std::move(out);
  return r;
}

}  // namespace blip::inline BLIP_ABI
