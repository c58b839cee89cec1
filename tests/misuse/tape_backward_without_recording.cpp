// expect: blip::tape: backward needs a recording tape
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

using T = either<training, inference>;
void run(T& t, const var<T, 1>& loss) { t.backward(loss); }
