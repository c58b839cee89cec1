// expect: blip::tape: the second argument must be a back end
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

using tape_type = tape<true, either<B, int>>;
bool records(const tape_type& t) { return t.records; }
