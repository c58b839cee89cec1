// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <concepts>
#include <string_view>

#include "blip/image/decode_options.hpp"
#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

// A file format of pictures: its name, whether a file looks like one, and the decoder.
template <class F>
concept picture_format = requires(std::span<const std::byte> bytes, const decode_options& o, const std::string& name) {
  { F::name } -> std::convertible_to<std::string>;
  { F::recognises(bytes) } -> std::same_as<bool>;
  { F::decode(bytes, o, name) } -> std::same_as<image>;
};

namespace detail {

// What the first bytes of a file that no decoder takes look like.
inline std::string describe_content(std::span<const std::byte> bytes) {
  if (bytes.empty()) return "an empty file";
  const auto begins = [&](std::string_view with) {
    return bytes.size() >= with.size() &&
           std::equal(with.begin(), with.end(), bytes.begin(), [](char a, std::byte b) { return std::byte(a) == b; });
  };
  if (begins("GIF8")) return "a GIF";
  if (begins("BM")) return "a BMP";
  if (begins("RIFF")) return "a RIFF file (WebP?)";
  if (begins("\xff\xd8")) return "a JPEG";
  if (begins("\x89PNG")) return "a PNG";
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 512));
  const bool text = std::all_of(head.begin(), head.end(), [](std::byte b) {
    const auto c = static_cast<unsigned char>(b);
    return c >= ' ' || (c >= '\t' && c <= '\r');
  });
  if (begins("<!") || begins("<html")) return "an HTML page";
  return text ? "text" : "unknown bytes";
}

}  // namespace detail

// Decodes a file with the first of the formats that recognises its content; the name of a file says nothing. Throws
// format_error, with the formats, when none does, and what the decoder throws.
template <picture_format... Formats>
image decode_as(std::span<const std::byte> bytes, const decode_options& o = {}, const std::string& name = "picture") {
  detail::require_encoded(name, bytes, o);
  image picture;
  const auto take = [&]<class F>(F*) {
    if (!F::recognises(bytes)) return false;
    picture = F::decode(bytes, o, name);
    return true;
  };
  if (!(take(static_cast<Formats*>(nullptr)) || ...)) {
    std::string formats;
    ((formats += (formats.empty() ? "" : ", ") + std::string(Formats::name)), ...);
    throw format_error({name + ": not a picture", formats, detail::describe_content(bytes),
                        "the content counts, not the name of the file"});
  }
  return picture;
}

}  // namespace blip::inline BLIP_ABI
