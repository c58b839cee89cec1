// SPDX-License-Identifier: Apache-2.0
//
// What kernels and pullbacks receive by value is plain data, small, and ready for constant expressions.
#include <type_traits>

#include "blip/backend/types.hpp"
#include "blip/core/dtype.hpp"
#include "blip/core/error.hpp"
#include "blip/core/function_ref.hpp"
#include "blip/core/sequence_layout.hpp"

namespace {

using namespace blip;

template <class... P>
constexpr bool plain = (... && (std::is_trivially_copyable_v<P> && std::is_trivially_destructible_v<P>));
static_assert(
    plain<sequence_layout, matrix_view<float>, gradient_view<float>, weight_view<float>, attention_spec, dropout_spec,
          random_site, patch_geometry, position_grid, adamw_step, bf16, function_ref<void(int)>>);
static_assert(sizeof(bf16) == 2);
static_assert(sizeof(function_ref<void(int)>) == 2 * sizeof(void*));
static_assert(sizeof(sequence_layout) <= 64, "two are kept by every pullback of an attention");

// Values can be read where they could be written, never the other way round.
static_assert(std::is_convertible_v<matrix_view<float>, matrix_view<const float>>);
static_assert(!std::is_convertible_v<matrix_view<const float>, matrix_view<float>>);
static_assert(!std::is_convertible_v<gradient_view<float>, bool>);
static_assert(!std::is_convertible_v<float, bf16>, "rounding is never silent");

constexpr sequence_layout pictures = sequence_layout::uniform(3, 197);
static_assert(pictures.sequences == 3 && pictures.rows == 3 * 197 && pictures.longest == 197 && !pictures.gaps);

constexpr patch_geometry geometry{.channels = 3, .height = 32, .width = 48, .patch = 16};
static_assert(geometry.patches() == 6 && geometry.patch_values() == 768);
static_assert(position_grid{1, 14, 14}.rows() == 197);

static_assert(std::is_base_of_v<error, shape_error> && std::is_final_v<shape_error>);
static_assert(!std::is_same_v<shape_error, config_error>);
static_assert(std::is_copy_constructible_v<limit_error>);

}  // namespace
