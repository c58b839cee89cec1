// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda/ranking.cuh"
