// expect: blip: no back end; give blip::cpu, blip::cuda, blip::reference<S>
// SPDX-License-Identifier: Apache-2.0
#include "blip/core/device.hpp"
#include "prelude.hpp"

device<either<reference<float>, float>> dev;
