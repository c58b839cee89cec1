// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

void run(training& t) {
#ifdef BLIP_MISUSE
  training u = t;
#else
  training& u = t;
#endif
  (void)u;
}
