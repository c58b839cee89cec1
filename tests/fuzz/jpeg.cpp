// SPDX-License-Identifier: Apache-2.0
#include "fuzz/pictures.hpp"

namespace blip_test {
namespace {

void run_jpeg(byte_span input) {
  use_picture(input, [](byte_span bytes, const blip::decode_options& o) { return blip::decode_jpeg(bytes, o); });
}

// Pixels, turned ones, and libjpeg's coefficients of 16 bits for three or four components.
const fuzz_registration jpeg({"jpeg", run_jpeg, 16, 16 * most_pixels + (1u << 20)});

}  // namespace
}  // namespace blip_test
