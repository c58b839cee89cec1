// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda/layer_norm.cuh"
#include "blip/backend/cuda/rows.cuh"
