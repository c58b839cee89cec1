// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda/cublaslt.cuh"
#include "blip/backend/cuda/products.cuh"
#include "blip/backend/cuda/runtime.cuh"
