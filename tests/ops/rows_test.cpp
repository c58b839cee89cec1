// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/row_range.hpp"
#include "blip/ops/concat.hpp"
#include "blip/ops/first_rows.hpp"
#include "blip/ops/gather_rows.hpp"
#include "blip/ops/l2_normalize.hpp"
#include "blip/ops/layer_norm.hpp"
#include "blip/ops/scale.hpp"
#include "blip/ops/scatter_rows.hpp"
#include "blip/ops/stop_gradient.hpp"
#include "support/laws.hpp"

using namespace blip_test;

namespace {

struct gain_and_shift {
  blip::parameter gamma = blip::parameter(37, blip::initial::ones), beta{37};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("gamma", s.gamma), f("beta", s.beta);
  }
};

const law_case plain{.inputs = {{6, 37, 0}}, .layouts = {law_layout::single_rows(6)}, .output_split = 0};

law_subject residual(float rate, float path, bool both) {
  return op([=](auto& t, const auto&, const auto& a) {
    using tensor = std::decay_t<decltype(a.tensor(0))>;
    return blip::ops::residual(t, both ? a.tensor(1) : tensor(), a.tensor(0), a.layout(0), {rate, path, {9, nullptr, 3}});
  });
}

}  // namespace

TEST_CASE("layer norm obeys the laws", "[ops]") {
  const auto norm = op<gain_and_shift>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::layer_norm(t, a.tensor(0), m.gamma, m.beta, 1e-5);
  });
  check_laws(norm, plain);
  check_laws(norm, {.inputs = {{.rows = 6, .width = 37, .live = 4}}});
}

TEST_CASE("residual, dropout and drop-path obey the laws", "[ops]") {
  const law_case two{.inputs = {{9, 37, 0}, {9, 37, 0}}, .layouts = {law_layout::packed({4, 2, 3})}, .output_split = 0};
  check_laws(residual(0, 0, true), two);
  check_laws(residual(0.4f, 0, true), two);
  check_laws(residual(0, 0.5f, true), two);
  check_laws(residual(0.3f, 0.3f, true), two);
  check_laws(residual(0.3f, 0, false), {.inputs = {{9, 37, 0}}, .layouts = two.layouts, .output_split = 0});
  const law_layout gaps{.lengths = {3, 4}, .begins = {1, 6}, .positions = {2, 0}, .streams = {7, 3}, .rows = 12};
  check_laws(residual(0.3f, 0.3f, true),
             {.inputs = {{.rows = 12, .width = 37, .split = 0, .gaps = true}, {.rows = 12, .width = 37, .split = 0, .gaps = true}},
              .layouts = {gaps}, .output_split = 0, .output_gaps = true});
}

TEST_CASE("a matrix added to itself has twice the gradient", "[ops]") {
  check_laws(op([](auto& t, const auto&, const auto& a) {
    return blip::ops::residual(t, a.tensor(0), a.tensor(0), a.layout(0), {});
  }), plain);
}

TEST_CASE("scale, normalise and stop obey the laws", "[ops]") {
  check_laws(op([](auto& t, const auto&, const auto& a) { return blip::ops::scale(t, a.x(0, w<37>), -1.5).ref(); }), plain);
  check_laws(op([](auto& t, const auto&, const auto& a) { return blip::ops::l2_normalize(t, a.x(0, w<37>)).ref(); }), plain);
  // One factor is stopped: the gradient is that of the other alone, which differences cannot know.
  const auto stopped = op([](auto& t, const auto&, const auto& a) {
    return blip::ops::residual(t, blip::ops::stop_gradient(t, a.x(0, w<37>)).ref(), a.tensor(1), a.layout(0), {});
  });
  const law_case c{.inputs = {{6, 37}, {6, 37}}, .layouts = plain.layouts};
  const auto r = stopped.reference(c);
  const law_point p = random_point(c, r->entries());
  const numbers dy = random_numbers(6 * 37, 3);
  const law_result result = r->record(p, dy);
  CHECK(result.gradients[0].empty());
  CHECK(difference_of_bits(result.gradients[1], dy) == "");
}

TEST_CASE("rows gathered and scattered obey the laws", "[ops]") {
  const auto gather = op([](auto& t, const auto&, const auto& a) {
    return blip::ops::gather_rows(t, a.tensor(0), a.ints(0), 5, nullptr);
  });
  check_laws(gather, {.inputs = {{6, 70}}, .ints = {{{3, -1, 3, 0, 5}}}});
  const auto scatter = op([](auto& t, const auto&, const auto& a) {
    return blip::ops::scatter_rows(t, a.x(0, w<9>), a.ints(0), 8).ref();
  });
  check_laws(scatter, {.inputs = {{4, 9}}, .ints = {{{7, -1, 2, 0}}}});
}

TEST_CASE("matrices put together obey the laws", "[ops]") {
  check_laws(op([](auto& t, const auto&, const auto& a) {
    return blip::ops::concat_rows(t, a.x(0, w<9>), a.x(1, w<9>)).ref();
  }), {.inputs = {{4, 9}, {3, 9}}});
  check_laws(op([](auto& t, const auto&, const auto& a) {
    return blip::ops::concat_columns(t, a.x(0, w<9>), a.x(1, w<5>)).ref();
  }), {.inputs = {{4, 9}, {4, 5}}});
}

TEST_CASE("a range of rows is a view whose gradient adds to them", "[ops]") {
  check_laws(op([](auto& t, const auto&, const auto& a) {
    const auto x = a.x(0, w<7>);
    return blip::ops::residual(t, blip::ops::row_range(t, x, 1, 3), blip::ops::row_range(t, x, 2, 3), {}, {}).ref();
  }), {.inputs = {{5, 7}}});
  blip::device<blip::reference<>> d;
  blip::arena<blip::reference<>> none;
  blip::inference_tape<blip::reference<>> t(d, none);
  const std::vector<double> x(14);
  const auto rows = t.input<7>({x.data(), 2, 7, 7, nullptr});
  CHECK_THROWS_AS(blip::ops::row_range(t, rows, 1, 2), blip::shape_error);
}

TEST_CASE("the first rows of sequences obey the laws", "[ops]") {
  const auto first = op([](auto& t, const auto&, const auto& a) {
    return blip::ops::first_rows(t, a.x(0, w<37>), a.layout(0)).ref();
  });
  check_laws(first, {.inputs = {{9, 37}}, .layouts = {law_layout::packed({4, 2, 3})}});
  check_laws(first, {.inputs = {{9, 37}}, .layouts = {law_layout::equal(3, 3)}});
  check_laws(first, {.inputs = {{.rows = 12, .width = 37, .split = 0, .gaps = true}},
                     .layouts = {law_layout{.lengths = {3, 4}, .begins = {1, 6}, .positions = {2, 0}, .streams = {7, 3}, .rows = 12}}});
}
