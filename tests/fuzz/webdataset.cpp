// SPDX-License-Identifier: Apache-2.0
#include "blip/data/webdataset_pairs.hpp"

#include <cstdio>

#include "fuzz/memory_file.hpp"
#include "fuzz/target.hpp"

namespace blip_test {
namespace {

// The archive with the checksums that its headers should have, as far as one leads to the next.
std::string with_checksums(byte_span input) {
  std::string tar(as_text(input));
  for (std::size_t at = 0; at + 512 <= tar.size();) {
    unsigned sum = 8 * ' ';
    for (std::size_t i = at; i < at + 512; ++i)
      if (i < at + 148 || i >= at + 156) sum += static_cast<unsigned char>(tar[i]);
    if (sum == 8 * ' ') break;  // an empty block: the end
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum & 0777777);
    tar.replace(at + 148, 7, digits, 7);
    std::size_t size = 0;
    for (std::size_t i = at + 124; i < at + 135 && tar[i] >= '0' && tar[i] <= '7'; ++i)
      size = size * 8 + static_cast<std::size_t>(tar[i] - '0');
    at += 512 + (size + 511) / 512 * 512;
  }
  return tar;
}

void use_shard(const std::string& path) {
  const blip::webdataset_pairs pairs(path, [](byte_span bytes, const std::string& name) {
    look_at(std::vector<std::byte>(bytes.begin(), bytes.end())), look_at(name);
    return blip::image(1, 1);
  });
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(pairs.size(), 64); ++i)
    unless_refused([&] { look_at(pairs.sample(i).caption); });
}

void run_webdataset(byte_span input) {
  static memory_file file;
  unless_refused([&] { use_shard(file.fill(with_checksums(input))); });
  use_shard(file.fill(input));
}

const fuzz_registration webdataset({"webdataset", run_webdataset, 64, 2u << 20});

}  // namespace
}  // namespace blip_test
