// SPDX-License-Identifier: Apache-2.0
//
// What libFuzzer calls. The variable BLIP_FUZZ_TARGET names the target; tests/fuzz/run.sh sets it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "fuzz/target.hpp"

namespace {

const blip_test::fuzz_target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const name = std::getenv("BLIP_FUZZ_TARGET");
  for (const auto& t : blip_test::fuzz_targets())
    if (name != nullptr && std::string_view(name) == t.name) chosen = &t;
  if (chosen != nullptr) return 0;
  std::fprintf(stderr, "BLIP_FUZZ_TARGET: one of");
  for (const auto& t : blip_test::fuzz_targets()) std::fprintf(stderr, " %s", t.name);
  std::fprintf(stderr, "\n");
  std::exit(2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  blip_test::attempt(*chosen, std::as_bytes(std::span(data, size)));
  return 0;
}
