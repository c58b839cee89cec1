// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/io/zip_checksum.hpp"
#include "io/archives.hpp"

// Writes an arena's parameters as torch.save does: a zip archive with a pickle and a member for every tensor.
namespace {

inline void write_torch(const std::string& path, const blip::arena<blip::cpu>& values) {
  using namespace blip_test;
  std::ofstream file(path, std::ios::binary);
  std::string directory;
  std::uint64_t at = 0, members = 0;
  const auto add = [&](const std::string& name, std::span<const std::byte> bytes) {
    const std::string facts = u16(45) + u16(0) + u16(0) + u32(0) + u32(blip::zip_checksum(bytes)) + u32(bytes.size()) +
                              u32(bytes.size()) + u16(name.size()) + u16(0);
    const std::string header = u32(0x04034b50) + facts + name;
    file << header;
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    directory += u32(0x02014b50) + u16(45) + facts + u16(0) + u16(0) + u16(0) + u32(0) + u32(at) + name;
    at += header.size() + bytes.size(), ++members;
  };
  std::vector<std::pair<std::string, std::string>> tensors;
  for (const auto& n : values.layout()->names()) {
    std::vector<std::int64_t> shape(n.shape.begin(), n.shape.begin() + n.rank), strides(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    tensors.emplace_back(n.text, p_tensor(p_storage(std::to_string(tensors.size()), n.count), 0, shape, strides));
  }
  const std::string program = p_program(p_dict({{"model", p_dict(tensors)}}));
  add("x/data.pkl", std::as_bytes(std::span(program)));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::vector<float> one = values.read(tensors[i].first);
    add("x/data/" + std::to_string(i), std::as_bytes(std::span(one)));
  }
  file << directory << u32(0x06054b50) << u16(0) << u16(0) << u16(members) << u16(members) << u32(directory.size())
       << u32(at) << u16(0);
}

}  // namespace
