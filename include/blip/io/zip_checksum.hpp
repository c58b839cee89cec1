// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#if defined(__x86_64__)
#include <wmmintrin.h>
#endif

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

#if defined(__x86_64__)
__attribute__((target("sse2"))) inline __m128i load_16(const std::byte* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
// x, moved to where `later` lies.
__attribute__((target("pclmul,sse2"))) inline __m128i moved_onto(__m128i later, __m128i x, __m128i by) {
  const __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
  return _mm_xor_si128(later, _mm_xor_si128(low, high));
}

// The remainder `r` after at least 64 bytes, a multiple of 16 of them. A message is a polynomial over GF(2), of which
// 128 bits may be moved to later ones when each half is multiplied by the power of x that it is moved over, modulo the
// generator. Four registers go through the message side by side and then become one, whose 16 bytes leave the same
// remainder as all that came before. Source: V. Gopal et al., Fast CRC Computation for Generic Polynomials Using
// PCLMULQDQ Instruction, Intel 2009; the constants for this generator are from there.
__attribute__((target("pclmul,sse2"))) inline std::uint32_t checksum_by_products(std::uint32_t r, const std::byte* at,
                                                                                 std::size_t bytes) {
  const __m128i over_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i over_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  __m128i a = _mm_xor_si128(load_16(at), _mm_cvtsi32_si128(static_cast<int>(r)));
  __m128i b = load_16(at + 16), c = load_16(at + 32), d = load_16(at + 48);
  for (at += 64, bytes -= 64; bytes >= 64; at += 64, bytes -= 64) {
    a = moved_onto(load_16(at), a, over_512), b = moved_onto(load_16(at + 16), b, over_512);
    c = moved_onto(load_16(at + 32), c, over_512), d = moved_onto(load_16(at + 48), d, over_512);
  }
  d = moved_onto(d, moved_onto(c, moved_onto(b, a, over_128), over_128), over_128);
  for (; bytes >= 16; at += 16, bytes -= 16) d = moved_onto(load_16(at), d, over_128);
  alignas(16) unsigned char left[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(left), d);
  return ~static_cast<std::uint32_t>(::crc32_z(0xffffffffu, left, sizeof left));  // zlib inverts before and after
}
#endif

}  // namespace detail

// The CRC-32 that zip, gzip and PNG use; with `before`, the value of what came before, it goes on: the result of zlib's
// crc32, ten times as fast where the processor multiplies without carries, which is asked at run time.
inline std::uint32_t zip_checksum(std::span<const std::byte> bytes, std::uint32_t before = 0) {
  std::size_t done = 0;
#if defined(__x86_64__)
  static const bool multiplies = __builtin_cpu_supports("pclmul");
  if (multiplies && bytes.size() >= 64) {
    done = bytes.size() / 16 * 16;
    before = ~detail::checksum_by_products(~before, bytes.data(), done);
  }
#endif
  const auto rest = bytes.subspan(done);
  if (rest.empty()) return before;  // zlib takes a null pointer for a wish to begin anew
  return static_cast<std::uint32_t>(::crc32_z(before, reinterpret_cast<const Bytef*>(rest.data()), rest.size()));
}

}  // namespace blip::inline BLIP_ABI
