// SPDX-License-Identifier: Apache-2.0
#include "fuzz/pictures.hpp"

namespace blip_test {
namespace {

void run_pnm(byte_span input) {
  use_picture(input, [](byte_span bytes, const blip::decode_options& o) { return blip::decode_pnm(bytes, o); });
}

const fuzz_registration pnm({"pnm", run_pnm, 16, 8 * most_pixels + (1u << 20)});

}  // namespace
}  // namespace blip_test
