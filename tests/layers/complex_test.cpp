// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/attention.hpp"
#include "blip/layers/layer_norm.hpp"
#include "support/laws.hpp"

using namespace blip_test;
using namespace blip;

namespace {

template <class B>
struct norm_and_attention {
  layer_norm<12, B> norm{1e-5};
  attention<attention_config{.width = 12, .heads = 3}, B> attend;
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("norm", s.norm), f("attend", s.attend);
  }
};

}  // namespace

TEST_CASE("a layer runs in complex numbers, whose imaginary part carries the derivative", "[layers]") {
  const law_case c{.inputs = {{7, 12, 0}}, .layouts = {law_layout::packed({3, 4})}};
  const auto make = []<class B>() { return norm_and_attention<B>(); };
  const auto forward = [](auto& t, const auto& m, const auto& a) {
    return m.attend.forward(t, m.norm.forward(t, a.x(0, w<12>)), a.layout(0), true).ref();
  };
  using on_complex = reference<std::complex<double>>;
  law_inference<on_complex, decltype(make), decltype(forward)> complex(c, make, forward, {});
  const auto dual = subject(make, forward).dual(c);
  const law_point p = random_point(c, complex.entries());
  for (int leaf = 0; leaf < static_cast<int>(p.size()); ++leaf) {
    INFO("leaf " << leaf);
    const law_result a = complex.infer(p, leaf, 2), b = dual->infer(p, leaf, 2);
    CHECK(worst_error(a.y, b.y) <= same_double.value);
    CHECK(worst_error(a.y_tangent, b.y_tangent) <= 1e-11);
  }
}
