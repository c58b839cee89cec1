// SPDX-License-Identifier: Apache-2.0
#include "fuzz/memory_file.hpp"
#include "fuzz/weights.hpp"

namespace blip_test {
namespace {

void run_safetensors(byte_span input) {
  static memory_file file;
  const std::string& path = file.fill(input);
  const blip::safetensors_file opened(path, small_limits());
  for (const auto& t : opened.tensors()) {
    look_at(opened.read<float>(t));
    if (opened.find(t.name) != &t) throw std::logic_error("a tensor that is not found by its name");
  }
  for (const auto& [key, value] : opened.metadata()) look_at(key), look_at(value);
  use_weights(path);
}

const fuzz_registration safetensors({"safetensors", run_safetensors, 64, 1u << 20});

}  // namespace
}  // namespace blip_test
