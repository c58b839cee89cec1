// SPDX-License-Identifier: Apache-2.0
#include "skeleton_op.hpp"

#include "support/laws.hpp"

using namespace blip_test;
using namespace blip_examples;

// The same kernels behind the fence that kills who peeks at device memory.
template <>
struct blip_examples::skeleton_op_kernels<fenced> {
  using R = skeleton_op_kernels<blip::reference<double>>;
  static constexpr auto value = &gated<&R::value>::call;
  static constexpr auto pullback = &gated<&R::pullback>::call;
};

TEST_CASE("skeleton_op obeys the laws", "[skeleton_op]") {
  const auto silu = op([](auto& t, const auto&, const auto& a) { return skeleton_op(t, a.x(0, w<37>)).ref(); });
  check_laws(silu, {.inputs = {{.rows = 6, .width = 37, .split = 0, .low = -4, .high = 4}},
                    .layouts = {law_layout::single_rows(6)}, .output_split = 0});
  check_laws(silu, {.inputs = {{.rows = 6, .width = 37, .live = 4}}});
}
