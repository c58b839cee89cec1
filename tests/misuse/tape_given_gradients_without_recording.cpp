// expect: blip::tape: an inference tape takes no gradients; use recording_tape
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

void run(device<B>& dev, const arena<B>& values, gradients<B>& g) { either<training, inference> t(dev, values, g); }
