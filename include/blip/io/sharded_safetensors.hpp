// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "blip/io/safetensors.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// "model-00002-of-00003.safetensors" for "model.safetensors".
inline std::string shard_name(const std::string& name, std::size_t i, std::size_t count) {
  char numbers[64];
  std::snprintf(numbers, sizeof numbers, "-%05zu-of-%05zu", i + 1, count);
  const std::size_t ending = name.find_last_of('.') == name.npos ? name.size() : name.find_last_of('.');
  return name.substr(0, ending) + numbers + name.substr(ending);
}

inline std::string index_json(std::uint64_t bytes, const std::map<std::string, std::string>& files) {
  std::string json = "{\n  \"metadata\": {\"total_size\": " + std::to_string(bytes) + "},\n  \"weight_map\": {";
  const char* before = "\n    ";
  for (const auto& [tensor, file] : files) {
    json += before;
    append_json_string(json, tensor), json += ": ", append_json_string(json, file);
    before = ",\n    ";
  }
  return json + "\n  }\n}\n";
}

}  // namespace detail

// Writes tensors as safetensors at `path`, or, when they are more than `shard_bytes`, as several files beside it
// (model-00001-of-00003.safetensors) and `path`.index.json, none but a single tensor above that size. Every file
// appears complete or not at all; an older index goes before the first shard and a new one comes last, so that shards
// of two models never pass for one. Returns the path to be read: `path`, or the index. Throws io_error, config_error
// for two tensors of one name. Source of the form: huggingface.co/docs/huggingface_hub, serialization.
inline std::string write_sharded_safetensors(const std::string& path, std::span<const safetensors_tensor> tensors,
                                             function_ref<std::span<const std::byte>(std::size_t)> data,
                                             std::uint64_t shard_bytes,
                                             const std::map<std::string, std::string>& metadata) {
  std::vector<std::size_t> begins;  // of the shards
  std::uint64_t total = 0, filled = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    std::uint64_t bytes = describe(tensors[i].type).bytes;
    for (const std::uint64_t d : tensors[i].shape) bytes *= d;
    if (begins.empty() || (filled > 0 && filled + bytes > shard_bytes)) begins.push_back(i), filled = 0;
    filled += bytes, total += bytes;
  }
  if (begins.empty()) begins.push_back(0);
  const std::size_t count = begins.size();
  begins.push_back(tensors.size());

  const std::string folder = path.substr(0, path.find_last_of('/') + 1), name = path.substr(folder.size());
  const std::string index = path + ".index.json";
  std::map<std::string, std::string> files;
  for (std::size_t i = 0; i < count; ++i)
    for (const auto& t : tensors.subspan(begins[i], begins[i + 1] - begins[i]))
      if (!files.emplace(t.name, count == 1 ? name : detail::shard_name(name, i, count)).second)
        throw config_error({path + ": two tensors are called " + t.name, {}, {}, {}});
  if (count > 1) ::unlink(index.c_str());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string file = folder + (count == 1 ? name : detail::shard_name(name, i, count));
    const std::size_t first = begins[i];
    write_safetensors(
        file, tensors.subspan(first, begins[i + 1] - first), [&](std::size_t k) { return data(first + k); }, metadata);
  }
  if (count == 1) {
    ::unlink(index.c_str());
    return path;
  }
  write_file(index, detail::index_json(total, files));
  ::unlink(path.c_str());
  return index;
}

}  // namespace blip::inline BLIP_ABI
