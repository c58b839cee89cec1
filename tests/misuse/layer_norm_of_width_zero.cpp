// expect: blip::layer_norm: the width must be positive
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/layer_norm.hpp"
#include "prelude.hpp"

layer_norm<misuse ? 0 : 5, B> layer;
