// SPDX-License-Identifier: Apache-2.0
//
// The kernels that wait for memory, compiled so that every load and store is counted (support/simt/traffic.hpp).
#include "blip/backend/cuda/attention.cuh"
#include "blip/backend/cuda/embeddings.cuh"
#include "blip/backend/cuda/few_rows.cuh"
#include "blip/backend/cuda/layer_norm.cuh"
#include "blip/backend/cuda/losses.cuh"
#include "blip/backend/cuda/optimiser.cuh"
#include "blip/backend/cuda/ranking.cuh"
#include "blip/backend/cuda/rows.cuh"
#include "blip/backend/cuda/runtime.cuh"
