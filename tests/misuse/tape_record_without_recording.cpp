// expect: blip::tape: only recording tapes keep pullbacks
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

using T = either<training, inference>;
void run(T& t, const var<T, 5>& y) {
  t.record(y.ref(), [](T&, matrix_view<const double>) {});
}
