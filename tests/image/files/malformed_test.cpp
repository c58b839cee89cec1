// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "blip/image/decode_image.hpp"
#include "blip/image/encode_jpeg.hpp"
#include "blip/image/encode_png.hpp"
#include "blip/image/encode_ppm.hpp"
#include "image/made_picture.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

struct sample {
  const char* name;
  std::vector<std::byte> bytes;
};
const std::vector<sample>& samples() {
  static const std::vector<sample> all{{"jpeg", encode_jpeg(gentle_picture(17, 23))},
                                       {"progressive jpeg", encode_jpeg(gentle_picture(17, 23), {.progressive = true})},
                                       {"png", encode_png(gentle_picture(17, 23))},
                                       {"ppm", encode_ppm(gentle_picture(5, 7))}};
  return all;
}

enum class outcome { decoded, refused };

// Decodes, within a second; anything but success or an error of the library is a failure.
outcome attempt(std::span<const std::byte> bytes, bool tolerant = false) {
  decode_options o;
  o.bounds.image_pixels = 1'000'000;
  std::atomic<std::uint64_t> count{0};
  if (tolerant) o.truncated = &count;
  const auto start = std::chrono::steady_clock::now();
  outcome result = outcome::decoded;
  try {
    const image p = decode_image(bytes, o);
    if (p.pixels.empty()) FAIL("no pixels");
  } catch (const error& e) {
    const std::string text = e.what();
    if (std::count(text.begin(), text.end(), '\n') > 2) FAIL("more than three lines: " << text);
    if (e.code() != error_code::format && e.code() != error_code::limit) FAIL("another error: " << text);
    result = outcome::refused;
  }
  if (std::chrono::steady_clock::now() - start > std::chrono::seconds(1)) FAIL("more than a second");
  return result;
}

}  // namespace

TEST_CASE("malformed pictures: every beginning of a file is refused", "[image]") {
  for (const auto& s : samples()) {
    INFO(s.name);
    int decoded = 0;
    for (std::size_t n = 0; n < s.bytes.size(); ++n) {
      decoded += attempt(std::span(s.bytes).first(n)) == outcome::decoded;
      attempt(std::span(s.bytes).first(n), true);
    }
    CHECK(decoded == 0);
    CHECK(attempt(s.bytes) == outcome::decoded);
  }
}

TEST_CASE("malformed pictures: every bit flipped gives a picture or an error", "[image]") {
  for (const auto& s : samples()) {
    INFO(s.name);
    for (std::size_t i = 0; i < s.bytes.size(); ++i)
      for (int bit = 0; bit < 9; ++bit) {  // 8: all of them
        auto bytes = s.bytes;
        bytes[i] ^= bit == 8 ? std::byte{0xff} : std::byte(1 << bit);
        attempt(bytes, bit % 2 == 1);
      }
  }
}

TEST_CASE("malformed pictures: random changes give a picture or an error", "[image]") {
  std::uint64_t state = 1;
  const auto draw = [&](std::size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state >> 33) % below);
  };
  for (const auto& s : samples()) {
    INFO(s.name);
    for (int round = 0; round < 500; ++round) {
      auto bytes = s.bytes;
      for (std::size_t changes = 1 + draw(5); changes > 0 && !bytes.empty(); --changes) {
        const auto at = static_cast<std::ptrdiff_t>(draw(bytes.size()));
        switch (draw(4)) {
          case 0:
            bytes[static_cast<std::size_t>(at)] = std::byte(draw(256));
            break;
          case 1:
            bytes.erase(bytes.begin() + at, bytes.begin() + std::min(at + 9, std::ssize(bytes)));
            break;
          case 2:
            bytes.insert(bytes.begin() + at, 1 + draw(9), std::byte(draw(256)));
            break;
          default:
            std::swap(bytes[static_cast<std::size_t>(at)], bytes[draw(bytes.size())]);
        }
      }
      attempt(bytes, round % 2 == 1);
    }
  }
}

TEST_CASE("malformed pictures: beginnings of other formats and noise are refused", "[image]") {
  for (const std::string head :
       {"\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "P6 ", "P5 4 4 255\n", "GIF89a", "RIFF", "", "\xff\xd8"})
    for (const char fill : {'\0', '1', ' ', '\xff'})
      for (const std::size_t size : {0u, 1u, 100u, 5'000u})
        if (head != "P5 4 4 255\n" || size < 16)
          CHECK(attempt(bytes_of(head + std::string(size, fill))) == outcome::refused);
}
