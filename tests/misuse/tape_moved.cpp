// expect: deleted
// SPDX-License-Identifier: Apache-2.0
#include "prelude.hpp"

training make(device<B>& dev, const arena<B>& values) {
#ifdef BLIP_MISUSE
  training t(dev, values);
  return t;
#else
  return training(dev, values);
#endif
}
