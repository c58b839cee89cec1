// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/affine.hpp"
#include "blip/ops/feed_forward.hpp"
#include "blip/ops/similarity.hpp"
#include "support/laws.hpp"

using namespace blip_test;

namespace {

struct weight_and_bias {
  blip::parameter weight{21, 13, true}, bias{21};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("weight", s.weight), f("bias", s.bias);
  }
};

struct two_weights {
  blip::parameter first{21, 13, true}, first_bias{21}, second{11, 21, true}, second_bias{11};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("first", s.first), f("first_bias", s.first_bias), f("second", s.second), f("second_bias", s.second_bias);
  }
};

struct temperature {
  blip::parameter value = blip::parameter(1, blip::initial::ones);
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("value", s.value);
  }
};

}  // namespace

TEST_CASE("affine obeys the laws", "[ops]") {
  const law_case rows{.inputs = {{9, 13, 0}}, .layouts = {law_layout::single_rows(9)}, .output_split = 0};
  for (const auto act : {blip::activation::none, blip::activation::gelu, blip::activation::relu, blip::activation::tanh}) {
    INFO("activation " << static_cast<int>(act));
    check_laws(op<weight_and_bias>([act](auto& t, const auto& m, const auto& a) {
      return blip::ops::affine(t, a.tensor(0), m.weight, &m.bias, act);
    }), rows);
  }
}

TEST_CASE("affine without bias, on the rows in use only", "[ops]") {
  const auto s = op<weight_and_bias>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::affine(t, a.tensor(0), m.weight, nullptr, blip::activation::gelu);
  });
  for (const int live : {5, 0}) check_laws(s, {.inputs = {{.rows = 9, .width = 13, .live = live}}});
}

TEST_CASE("feed_forward obeys the laws", "[ops]") {
  for (const auto act : {blip::activation::gelu, blip::activation::relu})
    check_laws(op<two_weights>([act](auto& t, const auto& m, const auto& a) {
      return blip::ops::feed_forward(t, a.tensor(0), {m.first, m.first_bias, m.second, m.second_bias}, act);
    }), {.inputs = {{9, 13, 0}}, .layouts = {law_layout::single_rows(9)}, .output_split = 0});
  check_laws(op<two_weights>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::feed_forward(t, a.tensor(0), {m.first, m.first_bias, m.second, m.second_bias}, blip::activation::gelu);
  }), {.inputs = {{.rows = 9, .width = 13, .live = 5}}});
}

TEST_CASE("similarity obeys the laws", "[ops]") {
  const law_case two{.inputs = {{5, 8}, {7, 8}}};
  check_laws(op<temperature>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::similarity(t, a.x(0, w<8>), a.x(1, w<8>), &m.value).ref();
  }), two);
  check_laws(op([](auto& t, const auto&, const auto& a) {
    return blip::ops::similarity(t, a.x(0, w<8>), a.x(1, w<8>)).ref();
  }), two);
  check_laws(op<temperature>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::similarity(t, a.x(0, w<8>), a.x(0, w<8>), &m.value).ref();
  }), {.inputs = {{5, 8}}});
}
