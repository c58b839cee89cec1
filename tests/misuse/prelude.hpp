// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the cases share: a back end with kernels, its tapes, and a switch between the correct and the wrong form.
#include "blip/autograd/tape.hpp"
#include "blip/backend/reference.hpp"

using namespace blip;
using B = reference<double>;
using training = recording_tape<B>;
using inference = inference_tape<B>;

#ifdef BLIP_MISUSE
inline constexpr bool misuse = true;
#else
inline constexpr bool misuse = false;
#endif
template <class Right, class Wrong>
using either = std::conditional_t<misuse, Wrong, Right>;
