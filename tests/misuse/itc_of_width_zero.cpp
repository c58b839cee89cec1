// expect: blip::itc: set itc_config::width, positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/losses/itc.hpp"
#include "prelude.hpp"

using loss = itc<itc_config{.width = misuse ? 0 : 8}>;
constexpr auto name = loss::name;
