// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include "fuzz/pictures.hpp"

namespace blip_test {
namespace {

// The file with the checksums that its chunks should have, or no changed byte would get past them.
std::vector<std::byte> with_checksums(byte_span input) {
  std::vector<std::byte> bytes(input.begin(), input.end());
  const auto big_endian = [&](std::size_t at) {
    std::size_t v = 0;
    for (std::size_t i = at; i < at + 4; ++i) v = v << 8 | std::to_integer<std::size_t>(bytes[i]);
    return v;
  };
  for (std::size_t at = 8; bytes.size() - std::min(at, bytes.size()) >= 12;) {
    const std::size_t length = big_endian(at);
    if (length > bytes.size() - at - 12) break;
    auto sum = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data() + at + 4), length + 4);
    for (std::size_t i = at + length + 12; i-- > at + length + 8; sum >>= 8) bytes[i] = std::byte(sum & 255);
    at += length + 12;
  }
  return bytes;
}

void run_png(byte_span input) {
  const auto decode = [](byte_span bytes, const blip::decode_options& o) { return blip::decode_png(bytes, o); };
  unless_refused([&] { use_picture(with_checksums(input), decode); });
  use_picture(input, decode);
}

const fuzz_registration png({"png", run_png, 16, 16 * most_pixels + (1u << 20)});

}  // namespace
}  // namespace blip_test
