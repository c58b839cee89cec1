// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/kernels.hpp"
#include "blip/backend/host_pairs.hpp"
#include "blip/backend/reference/attention.hpp"
#include "blip/backend/reference/contrast.hpp"
#include "blip/backend/reference/embeddings.hpp"
#include "blip/backend/reference/losses.hpp"
#include "blip/backend/reference/optimiser.hpp"
#include "blip/backend/reference/products.hpp"
#include "blip/backend/reference/rows.hpp"

namespace blip::inline BLIP_ABI {

template <class S>
inline constexpr bool has_kernels<reference<S>> = true;

// Plain loops in any scalar: slow, obvious, always built. The oracle of the other back ends.
template <class S>
struct kernels<reference<S>> : reference_products<S>,
                               reference_attention<S>,
                               reference_embeddings<S>,
                               reference_rows<S>,
                               reference_losses<S>,
                               reference_contrast<S>,
                               host_pairs<reference<S>>,
                               reference_optimiser<S> {};

static_assert(kernel_set<reference<double>>);

}  // namespace blip::inline BLIP_ABI
