// expect: blip::var: the first argument must be a tape
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

// The back end in place of the tape.
var<either<training, B>, 5> x;
