// expect: blip::tape: backward starts at one number; reduce the loss to [1, 1], or give a seed
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

void run(training& t, const var<training, misuse ? 5 : 1>& loss) { t.backward(loss); }
