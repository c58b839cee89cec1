// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cuda/attention.hpp"
#include "blip/backend/cuda/contrast.hpp"
#include "blip/backend/cuda/embeddings.hpp"
#include "blip/backend/cuda/few_rows.hpp"
#include "blip/backend/cuda/graph.hpp"
#include "blip/backend/cuda/losses.hpp"
#include "blip/backend/cuda/memory.hpp"
#include "blip/backend/cuda/optimiser.hpp"
#include "blip/backend/cuda/pairs.hpp"
#include "blip/backend/cuda/products.hpp"
#include "blip/backend/cuda/ranking.hpp"
#include "blip/backend/cuda/rows.hpp"
#include "blip/backend/kernels.hpp"
#include "blip/backend/pack.hpp"

namespace blip::inline BLIP_ABI {

template <>
inline constexpr bool has_kernels<cuda> = true;

// NVIDIA GPUs: products by cuBLASLt, everything else by kernels of our own. This header needs no CUDA; who links
// includes blip/backend/cuda/all.cuh in one .cu file, or uses the library blip::cuda_kernels. Nothing in a step waits
// for the GPU, no two blocks add to one number, and random numbers have the addresses that they have on other back
// ends: the same bits in every run, the same dropout and the same negatives as there.
template <>
struct kernels<cuda> : cuda_products,
                       cuda_few_rows,
                       cuda_attention,
                       cuda_embeddings,
                       cuda_rows,
                       cuda_losses,
                       cuda_contrast,
                       cuda_pairs,
                       cuda_ranking,
                       cuda_optimiser {};

static_assert(kernel_set<cuda> && packs_weights<cuda>);

}  // namespace blip::inline BLIP_ABI
