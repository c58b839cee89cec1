// expect: blip::classification: needs at least two classes
// SPDX-License-Identifier: Apache-2.0
#include "blip/losses/classification.hpp"
#include "prelude.hpp"

using loss = classification<misuse ? 1 : 3>;
constexpr auto name = loss::name;
