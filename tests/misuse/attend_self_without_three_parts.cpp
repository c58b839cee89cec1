// expect: blip::var: the matrix has another width than the one it must fit
// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/attend.hpp"
#include "prelude.hpp"

void run(training& t, const var<training, misuse ? 12 : 18>& qkv, const sequence_layout& rows) {
  ops::attend_self<6>(t, qkv, rows, {.heads = 3});
}
