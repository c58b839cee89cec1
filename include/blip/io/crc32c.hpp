// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Eight tables, so that eight bytes are looked up at once: table j holds the remainder of a byte followed by j zero
// bytes.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_crc32c_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t r = i;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ (r & 1 ? 0x82f63b78u : 0u);
    t[0][i] = r;
  }
  for (std::size_t j = 1; j < 8; ++j)
    for (std::size_t i = 0; i < 256; ++i) t[j][i] = (t[j - 1][i] >> 8) ^ t[0][t[j - 1][i] & 255];
  return t;
}
inline constexpr auto crc32c_tables = make_crc32c_tables();

inline std::uint32_t crc32c_by_table(std::uint32_t r, const unsigned char* at, std::size_t bytes) {
  const auto& t = crc32c_tables;
  for (; bytes >= 8; bytes -= 8, at += 8) {
    r ^= static_cast<std::uint32_t>(at[0]) | static_cast<std::uint32_t>(at[1]) << 8 |
         static_cast<std::uint32_t>(at[2]) << 16 | static_cast<std::uint32_t>(at[3]) << 24;
    r = t[7][r & 255] ^ t[6][(r >> 8) & 255] ^ t[5][(r >> 16) & 255] ^ t[4][r >> 24] ^ t[3][at[4]] ^ t[2][at[5]] ^
        t[1][at[6]] ^ t[0][at[7]];
  }
  for (; bytes > 0; --bytes, ++at) r = (r >> 8) ^ t[0][(r ^ *at) & 255];
  return r;
}

#if defined(__x86_64__)
// The processor's own instruction, which is this very polynomial. Chosen at run time: a baseline build has it as well.
__attribute__((target("sse4.2"))) inline std::uint32_t crc32c_by_instruction(std::uint32_t r, const unsigned char* at,
                                                                             std::size_t bytes) {
  std::uint64_t wide = r;
  for (; bytes >= 8; bytes -= 8, at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  r = static_cast<std::uint32_t>(wide);
  for (; bytes > 0; --bytes, ++at) r = __builtin_ia32_crc32qi(r, *at);
  return r;
}
#endif

}  // namespace detail

// CRC-32C (Castagnoli) of the bytes: polynomial 0x1edc6f41, bits reflected, all ones before and after. With `before`,
// the value of what came before, it goes on: crc32c(b, crc32c(a)) = crc32c(a b). Source: RFC 3720, appendix B.4.
inline std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
#if defined(__x86_64__)
  static const bool instruction = __builtin_cpu_supports("sse4.2");
  if (instruction) return ~detail::crc32c_by_instruction(~before, at, bytes.size());
#endif
  return ~detail::crc32c_by_table(~before, at, bytes.size());
}

}  // namespace blip::inline BLIP_ABI
