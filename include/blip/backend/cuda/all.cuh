// SPDX-License-Identifier: Apache-2.0
#pragma once

// The whole back end, for one .cu file of a program (nvcc -std=c++20 --expt-relaxed-constexpr, linked with cublasLt).
#include "blip/backend/cuda/cublaslt.cuh"
#include "blip/backend/cuda/kernels.cuh"
