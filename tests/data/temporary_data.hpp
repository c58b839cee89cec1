// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "blip/data/picture_root.hpp"
#include "support/temporary_folder.hpp"

namespace blip_test {

// A picture file of these tests holds one digit; it becomes a picture of one pixel of that brightness.
inline blip::image decode_digit(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() != 1) throw blip::format_error({name, "one digit", std::to_string(bytes.size()) + " bytes", {}});
  return blip::image(1, 1, static_cast<std::uint8_t>(bytes[0]));
}

// A folder with pictures 0.jpg to 9.jpg.
struct picture_folder : temporary_folder {
  picture_folder() {
    for (int i = 0; i < 10; ++i) put(*this / (std::to_string(i) + ".jpg"), std::to_string(i));
  }
  blip::picture_root root() const { return blip::picture_root(path.string(), decode_digit); }
};

}  // namespace blip_test
