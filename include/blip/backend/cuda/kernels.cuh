// SPDX-License-Identifier: Apache-2.0
#pragma once

// Every kernel, and what the runtime does for the library; not the products, which are in cublaslt.cuh.
#include "blip/backend/cuda/attention.cuh"
#include "blip/backend/cuda/contrast.cuh"
#include "blip/backend/cuda/embeddings.cuh"
#include "blip/backend/cuda/few_rows.cuh"
#include "blip/backend/cuda/layer_norm.cuh"
#include "blip/backend/cuda/losses.cuh"
#include "blip/backend/cuda/optimiser.cuh"
#include "blip/backend/cuda/pairs.cuh"
#include "blip/backend/cuda/products.cuh"
#include "blip/backend/cuda/ranking.cuh"
#include "blip/backend/cuda/rows.cuh"
#include "blip/backend/cuda/runtime.cuh"
