// SPDX-License-Identifier: Apache-2.0
#include "blip/io/crc32c.hpp"

#include <numeric>
#include <string_view>
#include <vector>

#include "support/catch.hpp"

using namespace blip;

namespace {

std::vector<std::byte> counting(std::size_t n, int first = 0, int step = 1) {
  std::vector<std::byte> out(n);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::byte>((first + static_cast<int>(i) * step) & 255);
  return out;
}

// Bit by bit, from the definition.
std::uint32_t by_definition(std::span<const std::byte> bytes) {
  std::uint32_t r = 0xffffffffu;
  for (const std::byte b : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool odd = ((r ^ (static_cast<std::uint32_t>(b) >> bit)) & 1) != 0;
      r = (r >> 1) ^ (odd ? 0x82f63b78u : 0u);
    }
  return ~r;
}

}  // namespace

TEST_CASE("crc32c: the values of RFC 3720", "[train]") {
  CHECK(crc32c({}) == 0);
  CHECK(crc32c(std::as_bytes(std::span(std::string_view("123456789")))) == 0xe3069283u);
  CHECK(crc32c(std::vector<std::byte>(32)) == 0x8a9136aau);
  CHECK(crc32c(std::vector<std::byte>(32, std::byte{255})) == 0x62a8ab43u);
  CHECK(crc32c(counting(32)) == 0x46dd794eu);
  CHECK(crc32c(counting(32, 31, -1)) == 0x113fdb5cu);
}

TEST_CASE("crc32c: instruction, tables and definition agree at every length and place", "[train]") {
  const auto bytes = counting(300, 7, 37);
  for (std::size_t begin = 0; begin < 9; ++begin)
    for (std::size_t n = 0; n + begin <= 67; ++n) {
      const auto part = std::span(bytes).subspan(begin, n);
      const auto* at = reinterpret_cast<const unsigned char*>(part.data());
      REQUIRE(crc32c(part) == by_definition(part));
      REQUIRE(~detail::crc32c_by_table(~0u, at, n) == by_definition(part));
    }
}

TEST_CASE("crc32c: goes on where it stopped", "[train]") {
  const auto bytes = counting(41);
  for (std::size_t n = 0; n <= bytes.size(); ++n)
    CHECK(crc32c(std::span(bytes).subspan(n), crc32c(std::span(bytes).first(n))) == crc32c(bytes));
}
