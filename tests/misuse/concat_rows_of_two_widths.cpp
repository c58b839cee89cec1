// expect: blip::var: the matrix has another width than the one it must fit
// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/concat.hpp"
#include "prelude.hpp"

void run(training& t, const var<training, 5>& x, const var<training, misuse ? 7 : 5>& y) { ops::concat_rows(t, x, y); }
