// expect: blip::linear_group: query_key_value names three parts, key_value two
// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/linear_group.hpp"
#include "prelude.hpp"

linear_group<5, 3, misuse ? 2 : 3, group_names::query_key_value, B> layer;
