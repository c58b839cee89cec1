// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "blip/image/decode_options.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The header of a PNM file: numbers in decimal, separated by white space; # begins a comment.
class pnm_header {
 public:
  pnm_header(std::span<const std::byte> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  bool ended() const { return at_ == bytes_.size(); }
  std::span<const std::byte> rest() const { return bytes_.subspan(at_); }
  char next() {
    if (ended()) throw_truncated(name_, "PNM");
    return static_cast<char>(bytes_[at_++]);
  }
  static bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  // Ends behind the one white space that follows the number.
  std::uint64_t number(const char* what) {
    char c = next();
    while (space(c) || c == '#') {
      if (c == '#')
        while (c != '\n' && c != '\r') c = next();
      c = next();
    }
    std::uint64_t value = 0;
    for (; c >= '0' && c <= '9'; c = next(), digits_ = true)
      value = std::min(value * 10 + static_cast<unsigned>(c - '0'), most);
    if (!std::exchange(digits_, false) || !space(c)) throw_unreadable(name_, "PNM", what, "something else");
    return value;
  }

 private:
  static constexpr std::uint64_t most = std::uint64_t{1} << 40;  // saturates: no limit is that large
  std::span<const std::byte> bytes_;
  const std::string& name_;
  std::size_t at_ = 0;
  bool digits_ = false;
};

}  // namespace detail

// Reads binary PGM (P5) and PPM (P6) with values up to 65,535. Values are scaled as Pillow's convert("RGB") does:
// round(255 v / largest), half to even; in gray pictures of more than 8 bits min(255, round(65535 v / largest)).
// Throws format_error and limit_error. Source: the format's specification, netpbm.sourceforge.net/doc/ppm.html.
inline image decode_pnm(std::span<const std::byte> bytes, const decode_options& o = {},
                        const std::string& name = "picture") {
  detail::require_encoded(name, bytes, o);
  if (bytes.size() < 2 || bytes[0] != std::byte{'P'} || (bytes[1] != std::byte{'5'} && bytes[1] != std::byte{'6'}))
    detail::throw_unreadable(name, "PNM", "P5 or P6 at the beginning", "something else");
  const bool gray = bytes[1] == std::byte{'5'};
  detail::pnm_header header(bytes.subspan(2), name);
  const std::uint64_t width = header.number("a width"), height = header.number("a height");
  const std::uint64_t largest = header.number("a largest value");
  if (width == 0 || height == 0) detail::throw_unreadable(name, "PNM", "sides from 1 on", "0");
  if (largest == 0 || largest > 65'535)
    detail::throw_unreadable(name, "PNM", "a largest value from 1 to 65535", std::to_string(largest));
  detail::require_sides(name, height, width, o);

  const std::size_t width_of_value = largest > 255 ? 2 : 1;
  const std::size_t values = static_cast<std::size_t>(height * width) * (gray ? 1 : 3);
  const auto data = header.rest();
  const std::size_t there = std::min(values, data.size() / width_of_value);
  if (there < values) {
    if (!o.truncated) detail::throw_truncated(name, "PNM");
    ++*o.truncated;
  }
  image result(static_cast<int>(height), static_cast<int>(width));
  std::vector<std::uint8_t> scaled(static_cast<std::size_t>(largest) + 1);
  const double top = gray && largest > 255 ? 65'535 : 255;
  for (std::size_t v = 0; v < scaled.size(); ++v)
    scaled[v] = static_cast<std::uint8_t>(
        std::min(255.0, std::nearbyint(static_cast<double>(v) / static_cast<double>(largest) * top)));
  for (std::size_t i = 0; i < there; ++i) {
    auto v = static_cast<std::size_t>(data[i * width_of_value]);
    if (width_of_value == 2) v = v << 8 | static_cast<std::size_t>(data[2 * i + 1]);
    const std::uint8_t value = scaled[std::min(v, scaled.size() - 1)];
    if (gray)
      std::fill_n(result.pixels.data() + 3 * i, 3, value);
    else
      result.pixels[i] = value;
  }
  return result;
}

// The format for decode_as.
struct pnm_format {
  static constexpr const char* name = "PNM (P5, P6)";
  static bool recognises(std::span<const std::byte> b) {
    return b.size() > 2 && b[0] == std::byte{'P'} && (b[1] == std::byte{'5'} || b[1] == std::byte{'6'});
  }
  static image decode(std::span<const std::byte> b, const decode_options& o, const std::string& from) {
    return decode_pnm(b, o, from);
  }
};

}  // namespace blip::inline BLIP_ABI
