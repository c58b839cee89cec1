// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda/optimiser.cuh"
#include "blip/backend/cuda/pairs.cuh"
