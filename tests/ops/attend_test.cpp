// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/attend.hpp"
#include "support/laws.hpp"

using namespace blip_test;

namespace {

// Heads of 6 columns. Dropout is addressed by a fixed site, so that every run draws the same numbers.
law_subject self_attention(bool causal, float dropout) {
  return op([=](auto& t, const auto&, const auto& a) {
    const blip::dropout_spec drop{dropout, 0, {5, nullptr, 17}};
    return blip::ops::attend_self<12>(t, a.x(0, w<36>), a.layout(0), {2, 0.4, causal, drop}).ref();
  });
}
law_subject cross_attention(bool sourced) {
  return op([=](auto& t, const auto&, const auto& a) {
    return blip::ops::attend_cross<12>(t, a.x(0, w<12>), a.x(1, w<24>), a.layout(0), a.layout(1),
                                       sourced ? a.ints(0) : nullptr, {3, 0.5, false, {}}).ref();
  });
}
law_case self_case(law_layout layout, int rows, bool gaps = false) {
  return {.inputs = {{.rows = rows, .width = 36, .split = 0, .gaps = gaps}}, .layouts = {std::move(layout)},
          .output_split = 0, .output_gaps = gaps};
}

}  // namespace

TEST_CASE("self-attention over packed sequences obeys the laws", "[ops][attend]") {
  const auto packed = self_case(law_layout::packed({5, 1, 9}), 15);
  check_laws(self_attention(false, 0), packed);
  check_laws(self_attention(true, 0), packed);
  check_laws(self_attention(true, 0.3f), packed);
}

TEST_CASE("self-attention over equal sequences, and over rows with gaps between them", "[ops][attend]") {
  check_laws(self_attention(false, 0.2f), self_case(law_layout::equal(3, 4), 12));
  const law_layout gaps{.lengths = {3, 4}, .begins = {1, 6}, .positions = {2, 0}, .streams = {7, 3}, .rows = 12};
  check_laws(self_attention(true, 0.2f), self_case(gaps, 12, true));
}

TEST_CASE("self-attention over more keys than one block of the stream", "[ops][attend]") {
  for (const bool causal : {false, true})
    check_laws(self_attention(causal, 0), self_case(law_layout::packed({391, 33}), 424), std::nullopt);
}

TEST_CASE("cross-attention reads its own source, another one, or one that others read", "[ops][attend]") {
  const law_case own{.inputs = {{7, 12, 0}, {9, 24, 1}}, .layouts = {law_layout::packed({3, 4}), law_layout::packed({2, 7})},
                     .output_split = 0};
  check_laws(cross_attention(false), own);
  // Sequence 1 of the keys is read by nobody, 0 by two.
  const law_case shared{.inputs = {{9, 12}, {12, 24}}, .ints = {{{2, 0, 0}}},
                        .layouts = {law_layout::packed({3, 4, 2}), law_layout::packed({2, 7, 3})}};
  check_laws(cross_attention(true), shared);
}
