// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cpu/pack-inl.hpp"
#include "blip/backend/cpu/products-inl.hpp"
