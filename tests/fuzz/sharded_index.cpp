// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>

#include "fuzz/weights.hpp"
#include "support/temporary_folder.hpp"

namespace blip_test {
namespace {

// Two shards with a tensor each, beside which the index lies.
struct shards {
  temporary_folder folder;
  std::string index = folder / "model.safetensors.index.json";

  shards() {
    const std::array<float, 4> values{1, 2, 3, 4};
    for (const char* name : {"a", "b"}) {
      const blip::safetensors_tensor t{.name = name, .shape = {4}};
      blip::write_safetensors(folder / (std::string(name) + ".safetensors"), std::span(&t, 1),
                              [&](std::size_t) { return std::as_bytes(std::span(values)); });
    }
  }
};

void run_sharded_index(byte_span input) {
  static const shards s;
  put(s.index, std::string(as_text(input)));
  use_weights(s.index);
}

const fuzz_registration sharded_index({"sharded_index", run_sharded_index, 64, 1u << 20});

}  // namespace
}  // namespace blip_test
