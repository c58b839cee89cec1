// expect: blip::ops::mean_labelled: takes one number per row, [n, 1]
// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/reduce.hpp"
#include "prelude.hpp"

var<training, 1> run(training& t, const var<training, misuse ? 5 : 1>& x) { return ops::mean_labelled(t, x); }
