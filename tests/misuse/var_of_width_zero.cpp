// expect: blip::var: the width must be positive
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

var<training, misuse ? 0 : 5> run(training& t, const double* data) {
  return t.input < misuse ? 0 : 5 > ({data, 2, 5, 5, nullptr});
}
