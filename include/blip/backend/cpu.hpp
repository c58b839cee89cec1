// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cpu/attention.hpp"
#include "blip/backend/cpu/contrast.hpp"
#include "blip/backend/cpu/embeddings.hpp"
#include "blip/backend/cpu/gemm.hpp"
#include "blip/backend/cpu/losses.hpp"
#include "blip/backend/cpu/optimiser.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/backend/cpu/products.hpp"
#include "blip/backend/cpu/rows.hpp"
#include "blip/backend/host_pairs.hpp"
#include "blip/backend/kernels.hpp"

namespace blip::inline BLIP_ABI {

template <>
inline constexpr bool has_kernels<cpu> = true;
template <>
inline constexpr int rows_at_a_time<cpu> = gemm_tile_rows;

// The processor: products on oneDNN or Eigen, vectorised rows, streamed attention, OpenMP threads. Results have the same
// bits for any number of threads.
template <>
struct kernels<cpu> : cpu_products,
                      cpu_attention,
                      cpu_embeddings,
                      cpu_rows,
                      cpu_losses,
                      cpu_contrast,
                      cpu_optimiser,
                      host_pairs<cpu> {};

static_assert(kernel_set<cpu>);

}  // namespace blip::inline BLIP_ABI
