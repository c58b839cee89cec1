// SPDX-License-Identifier: Apache-2.0
//
// Philox 4x32-10 gives the published known answers (Random123's `kat_vectors`), at compile time.
#include "blip/core/philox.hpp"

namespace {

using namespace blip;

static_assert(philox({0, 0, 0, 0}, {0, 0}) == philox_counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) ==
              philox_counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              philox_counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

static_assert(to_unit(0) == 0 && to_unit(~0u) < 1 && to_unit(0x80000000u) == 0.5f);
static_assert(mix(0, 1) != mix(1, 0));

}  // namespace
