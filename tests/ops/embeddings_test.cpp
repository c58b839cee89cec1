// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/embed.hpp"
#include "blip/ops/patchify.hpp"
#include "blip/ops/tokens.hpp"
#include "support/laws.hpp"

using namespace blip_test;

namespace {

struct tables {
  blip::parameter words{11, 20}, positions{9, 20}, kind{1, 20};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("words", s.words), f("positions", s.positions), f("kind", s.kind);
  }
};

struct class_and_positions {
  blip::parameter first{20}, positions{7, 20};  // a class row and a grid of 2 x 3
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("first", s.first), f("positions", s.positions);
  }
};

}  // namespace

TEST_CASE("embedding obeys the laws", "[ops]") {
  const law_case words{.ints = {{{4, 0, 10, 4, 4, 7, 1}, 0}}, .layouts = {law_layout::packed({3, 4})}, .output_split = 0};
  check_laws(op<tables>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::embed<20>(t, a.ints(0), a.layout(0), {&m.words, &m.positions, &m.kind}).ref();
  }), words);
  check_laws(op<tables>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::embed<20>(t, a.ints(0), a.layout(0), {.words = &m.words}).ref();
  }), words);
}

TEST_CASE("the padding word gets no gradient", "[ops]") {
  const law_case c{.ints = {{{4, 0, 10}, 0}}, .layouts = {law_layout::packed({3})}};
  const auto s = op<tables>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::embed<20>(t, a.ints(0), a.layout(0), {.words = &m.words, .padding = 0}).ref();
  });
  const auto check = [&](law_runner& r) {
    const law_point p = random_point(c, r.entries());
    const numbers dwords = r.record(p, numbers(60, 1)).gradients[0];
    for (int i = 0; i < 220; ++i) CHECK(at(dwords, i) == ((i / 20 == 4 || i / 20 == 10) ? 1 : 0));
  };
  check(*s.reference(c));
  check(*s.cpu(c, {}));
}

TEST_CASE("patches obey the laws, and lie as a convolution's kernel does", "[ops]") {
  const auto patches = op([](auto& t, const auto&, const auto& a) {
    using tape = std::decay_t<decltype(t)>;
    return blip::ops::patchify<12>(t, blip::images<tape>(a.tensor(0), 3, 4, 6), 2).ref();
  });
  check_laws(patches, {.inputs = {{2, 72}}});
  const auto y = patches.reference({.inputs = {{1, 72}}})->infer({[] {
    numbers v;
    for (int i = 0; i < 72; ++i) v.push_back(i);
    return v;
  }()}).y;
  CHECK(rows_of(y, 12, 4, 1) == numbers{14, 15, 20, 21, 38, 39, 44, 45, 62, 63, 68, 69});  // row 1, column 1 of 2 x 3
}

TEST_CASE("tokens obey the laws, also on another grid than the table's", "[ops]") {
  const auto tokens = [](blip::position_grid to) {
    return op<class_and_positions>([to](auto& t, const auto& m, const auto& a) {
      return blip::ops::tokens(t, a.tensor(0), &m.first, m.positions, {1, 2, 3}, to, 2);
    });
  };
  check_laws(tokens({1, 2, 3}), {.inputs = {{12, 20}}});
  check_laws(tokens({1, 4, 3}), {.inputs = {{24, 20}}});
  check_laws(tokens({1, 1, 2}), {.inputs = {{4, 20}}});
}
