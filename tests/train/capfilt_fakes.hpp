// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "blip/train/capfilt.hpp"

namespace blip_test {

using namespace blip;

// A picture whose pixels are a number, and that number.
inline image numbered(std::uint64_t n) {
  image picture(1, 2);
  for (std::size_t i = 0; i < 6; ++i) picture.pixels[i] = static_cast<std::uint8_t>(n >> (8 * i));
  return picture;
}
inline std::uint32_t number_of(const image& picture) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < 6; ++i) n |= std::uint64_t{picture.pixels[i]} << (8 * i);
  return static_cast<std::uint32_t>(n);
}

// Pictures 0, 1, ... with texts "found 0", "found 1", ...; those of which `broken` says so throw.
struct numbered_pairs {
  std::uint64_t n;
  std::function<bool(std::uint64_t)> broken = [](std::uint64_t) { return false; };

  std::uint64_t size() const { return n; }
  captioned_picture sample(std::uint64_t i) const {
    if (broken(i)) throw format_error({"picture " + std::to_string(i), i % 2 ? "pixels" : "a header", "none", {}});
    return {numbered(i), "found " + std::to_string(i), "p/" + std::to_string(i)};
  }
};

inline std::uint32_t dice(std::uint32_t a, std::uint32_t b) { return philox({a, b, 0, 0}, {1, 2})[0]; }

// Captions that tell picture, stream and seed.
struct fake_captioner {
  std::uint32_t seed = 0;
  std::function<void(std::size_t)> before_call = [](std::size_t) {};  // is told the number of pictures

  std::vector<std::string> caption(std::span<const image> pictures, std::span<const std::uint64_t> streams) const {
    before_call(pictures.size());
    std::vector<std::string> out;
    for (std::size_t i = 0; i < pictures.size(); ++i)
      out.push_back("made " + std::to_string(number_of(pictures[i])) + " by " +
                    std::to_string(dice(static_cast<std::uint32_t>(streams[i]), seed) % 1000));
    return out;
  }
};

// A number of picture and text.
inline double fake_probability(const image& picture, const std::string& text) {
  std::uint32_t h = number_of(picture);
  for (const char c : text) h = mix(h, static_cast<std::uint32_t>(c));
  return static_cast<double>(dice(h, 7)) / 4294967295.0;
}
struct fake_matcher {
  std::vector<double> match(std::span<const image> pictures, std::span<const std::string> texts) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < texts.size(); ++i) out.push_back(fake_probability(pictures[i], texts[i]));
    return out;
  }
};

// A captioner and a matcher of two functions.
template <class F>
struct says {
  F f;
  std::vector<std::string> caption(std::span<const image> pictures, std::span<const std::uint64_t> streams) const {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < pictures.size(); ++i) out.push_back(f(pictures[i], streams[i]));
    return out;
  }
};
template <class F>
says(F) -> says<F>;
template <class F>
struct judges {
  F f;
  std::vector<double> match(std::span<const image> pictures, std::span<const std::string> texts) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < texts.size(); ++i) out.push_back(f(pictures[i], texts[i]));
    return out;
  }
};
template <class F>
judges(F) -> judges<F>;
inline const auto certain = judges{[](const image&, const std::string&) { return 1.0; }};

}  // namespace blip_test
