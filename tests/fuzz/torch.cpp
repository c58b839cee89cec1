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
    const blip::torch_archive archive(path, small_limits());
    for (const auto& t : archive.tensors()) look_at(archive.bytes(t));
  });
  use_weights(path);
}

// The bytes as the pickle of a sound file of either kind, with storages that they may name.
void run_pickle(byte_span input) {
  static memory_file file;
  const std::string program(as_text(input));
  const storages s{{"0", raw(std::vector<float>{0, 1, 2, 3, 4, 5})}, {"1", raw(std::vector<double>(12))}};
  unless_refused([&] { use_weights(file.fill(make_torch_zip(program, s))); });
  use_weights(file.fill(make_torch_legacy(program, {s[0]})));
}

// A pickle holds its values several times over: opcodes of one byte make tuples of one value.
const fuzz_registration torch_zip({"torch_zip", run_file, 256, 1u << 20});
const fuzz_registration torch_legacy({"torch_legacy", run_file, 256, 1u << 20});
const fuzz_registration pickle({"pickle", run_pickle, 256, 1u << 20});

}  // namespace
}  // namespace blip_test
