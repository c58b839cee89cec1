// SPDX-License-Identifier: Apache-2.0
#include "blip/io/zip_checksum.hpp"

#include <string_view>
#include <vector>

#include "blip/core/philox.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

std::uint32_t of_zlib(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<z_size_t>(bytes.size())));
}
std::vector<std::byte> noise(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(philox({static_cast<std::uint32_t>(i)}, {1, 2})[0] & 255);
  return bytes;
}

}  // namespace

TEST_CASE("zip_checksum: the published value of 123456789", "[io]") {
  CHECK(zip_checksum(std::as_bytes(std::span(std::string_view("123456789")))) == 0xcbf43926u);
  CHECK(zip_checksum({}) == 0);
}

TEST_CASE("zip_checksum: zlib's for every length and place", "[io]") {
  const auto bytes = noise(1'100);
  for (std::size_t size = 0; size <= 1'056; ++size) {
    const auto part = std::span(bytes).subspan(size % 17, size);
    if (!part.empty()) CHECK(zip_checksum(part) == of_zlib(part));
  }
}

TEST_CASE("zip_checksum: it goes on where another one ended, wherever that was", "[io]") {
  const auto bytes = noise(700);
  const std::uint32_t whole = of_zlib(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto front = std::span(bytes).first(cut), back = std::span(bytes).subspan(cut);
    CHECK(zip_checksum(back, zip_checksum(front)) == whole);
  }
}
