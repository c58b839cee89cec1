// expect: blip::var: the matrix has another width than the one it must fit
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

var<training, 5> run(const var<training, misuse ? 7 : 5>& x) { return x; }
