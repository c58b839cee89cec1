// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "blip/core/version.hpp"

// Names for those who only pass them on.
namespace blip::inline BLIP_ABI {

struct cpu;
struct cuda;
template <class S>
struct reference;

class error;
struct sequence_layout;
class arena_layout;
class parameter;

template <class S>
struct matrix_view;
template <class S>
struct gradient_view;

}  // namespace blip::inline BLIP_ABI
