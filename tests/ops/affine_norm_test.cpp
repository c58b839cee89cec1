// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/affine_norm.hpp"
#include "support/laws.hpp"

using namespace blip_test;

namespace {

struct product_and_norm {
  blip::parameter weight{21, 13, true}, bias{21}, gamma{21, blip::initial::ones}, beta{21};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("weight", s.weight), f("bias", s.bias), f("gamma", s.gamma), f("beta", s.beta);
  }
};

}  // namespace

TEST_CASE("affine_norm obeys the laws, with a residual and without", "[ops]") {
  for (const int rows : {1, 9, 33}) {
    // A GPU multiplies more than 32 rows in another order than one row alone.
    const law_case both{.inputs = {{rows, 13, 0}, {rows, 21, 0}},
                        .layouts = {law_layout::single_rows(rows)},
                        .output_split = rows > 32 ? -1 : 0};
    check_laws(op<product_and_norm>([](auto& t, const auto& m, const auto& a) {
                 return blip::ops::affine_norm(t, a.tensor(0), m.weight, &m.bias, blip::activation::none, a.tensor(1),
                                               m.gamma, m.beta, 1e-5);
               }),
               both);
  }
  check_laws(op<product_and_norm>([](auto& t, const auto& m, const auto& a) {
               return blip::ops::affine_norm(t, a.tensor(0), m.weight, nullptr, blip::activation::gelu, {}, m.gamma,
                                             m.beta, 1e-5);
             }),
             {.inputs = {{9, 13, 0}}, .layouts = {law_layout::single_rows(9)}, .output_split = 0});
}

TEST_CASE("affine_norm on the rows in use only", "[ops]") {
  for (const int live : {5, 0})
    check_laws(op<product_and_norm>([](auto& t, const auto& m, const auto& a) {
                 return blip::ops::affine_norm(t, a.tensor(0), m.weight, &m.bias, blip::activation::gelu, a.tensor(1),
                                               m.gamma, m.beta, 1e-5);
               }),
               {.inputs = {{.rows = 9, .width = 13, .live = live}, {.rows = 9, .width = 21, .live = live}}});
}

TEST_CASE("affine_norm has the bits of its three parts, recorded or not", "[ops]") {
  const auto one = op<product_and_norm>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::affine_norm(t, a.tensor(0), m.weight, &m.bias, blip::activation::gelu, a.tensor(1), m.gamma,
                                  m.beta, 1e-5);
  });
  const auto parts = op<product_and_norm>([](auto& t, const auto& m, const auto& a) {
    const auto y = blip::ops::affine(t, a.tensor(0), m.weight, &m.bias, blip::activation::gelu);
    return blip::ops::layer_norm(t, blip::ops::residual(t, a.tensor(1), y, {}, {}), m.gamma, m.beta, 1e-5);
  });
  for (const int rows : {1, 9, 33}) {
    INFO(rows << " rows");
    const law_case c{.inputs = {{rows, 13}, {rows, 21}}};
    const numbers dy = random_numbers(rows * 21, 7);
    const auto check = [&](law_runner& a, law_runner& b) {
      const law_point p = random_point(c, a.entries());
      CHECK(difference_of_bits(a.infer(p).y, b.infer(p).y) == "");
      same_bits(a.record(p, dy), b.record(p, dy));
    };
    check(*one.reference(c), *parts.reference(c));
    check(*one.cpu(c, {}), *parts.cpu(c, {}));
  }
}
