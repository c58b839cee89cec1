// SPDX-License-Identifier: Apache-2.0
//
// Who may be copied, who only moved, and who stays where it is.
#include <type_traits>

#include "blip/autograd/tape.hpp"
#include "blip/autograd/var_list.hpp"
#include "blip/core/packed_layout.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"

namespace {

using namespace blip;
using B = reference<double>;
using T = recording_tape<B>;

template <class X>
constexpr bool stays = !std::is_copy_constructible_v<X> && !std::is_move_constructible_v<X> &&
                       !std::is_copy_assignable_v<X> && !std::is_move_assignable_v<X>;
template <class X>
constexpr bool only_moves = !std::is_copy_constructible_v<X> && !std::is_copy_assignable_v<X> &&
                            std::is_nothrow_move_constructible_v<X> && std::is_nothrow_move_assignable_v<X>;
template <class X>
constexpr bool shares =
    std::is_copy_constructible_v<X>&& std::is_nothrow_move_constructible_v<X>&& std::is_copy_assignable_v<X>;

static_assert(stays<T> && stays<inference_tape<B>>, "pullbacks hold the address of their tape");
static_assert(stays<device<B>> && stays<pool<host_memory>> && stays<scratch<B, int>>);
static_assert(stays<T::scope_guard> && stays<T::pause_guard>);
static_assert(stays<owned<linear<linear_config{.in = 5, .out = 3}, B>, B>>);
static_assert(only_moves<buffer<B, float>>);
static_assert(only_moves<arena<B>> && only_moves<packed_layout<B>>);
static_assert(shares<tensor<B>> && shares<sink<B>> && shares<var<T, 5>> && shares<scores<T>> && shares<images<T>>);
static_assert(shares<var_list<T, 5>>);

// A matrix on a tape is one pointer, whatever its width; only a checked, explicit step puts a width on it.
static_assert(sizeof(var<T, 768>) == sizeof(void*) && sizeof(scores<T>) == sizeof(void*));
static_assert(std::is_constructible_v<var<T, 5>, tensor<B>> && !std::is_convertible_v<tensor<B>, var<T, 5>>);
static_assert(!std::is_convertible_v<var<T, 5>, bool>);

// A tape refers to arenas and a device: temporaries that would be gone are not taken.
static_assert(std::is_constructible_v<T, device<B>&, const arena<B>&, gradients<B>&, tape_options>);
static_assert(!std::is_constructible_v<T, device<B>, const arena<B>&>);
static_assert(!std::is_constructible_v<T, device<B>&, const arena<B>&, gradients<B>>);

}  // namespace
