// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"

namespace test {

// What every golden case is run on: the oracle in double, and the processor in float.
using golden_backends = std::tuple<blip::reference<double>, blip::cpu>;
// Whether factors of products are rounded to bf16.
inline bool rounds_products() { return false; }

}  // namespace test
