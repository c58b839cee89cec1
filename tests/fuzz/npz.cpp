// SPDX-License-Identifier: Apache-2.0
#include "fuzz/memory_file.hpp"
#include "fuzz/weights.hpp"
#include "io/archives.hpp"

namespace blip_test {
namespace {

void run_file(byte_span input) {
  static memory_file file;
  const std::string& path = file.fill(input);
  unless_refused([&] {
    const blip::npz_file arrays(path, small_limits());
    for (const auto& t : arrays.tensors()) look_at(arrays.bytes(t));
  });
  use_weights(path);
}

// The bytes as an array in a sound archive, stored and deflated.
void run_array(byte_span input) {
  static memory_file file;
  const std::string array(as_text(input));
  unless_refused([&] { use_weights(file.fill(make_zip({{.name = "a.npy", .bytes = array, .deflate = true}}))); });
  use_weights(file.fill(make_zip({{.name = "a.npy", .bytes = array}})));
}

// A byte inflates to at most 1,032, and an array is held as bytes and as numbers.
const fuzz_registration npz({"npz", run_file, 12 * 1032, 1u << 20});
const fuzz_registration npy({"npy", run_array, 64, 1u << 20});

}  // namespace
}  // namespace blip_test
