// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/reference.hpp"
#include "blip/core/initialise.hpp"
#include "blip/layers/linear_group.hpp"
#include "blip/layers/lm_head.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using B = reference<double>;

namespace {

struct pair {
  parameter first{2, 3, true}, second{3};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("first", s.first), f("second", s.second);
  }
};
struct list {
  std::vector<pair> pairs{3};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("pairs", s.pairs);
  }
};
struct empty_parameter {
  parameter nothing{};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("nothing", s.nothing);
  }
};

std::shared_ptr<arena_layout> placed(auto& module) {
  auto layout = std::make_shared<arena_layout>();
  layout->place("model", module);
  return layout;
}

}  // namespace

TEST_CASE("parameters are laid out in order, on cache lines, with dotted names", "[core]") {
  list l;
  const auto layout = placed(l);
  REQUIRE(layout->entries().size() == 6);
  CHECK(layout->parameters() == 27);
  CHECK(layout->names()[3].text == "model.pairs.1.second");
  for (const auto& e : layout->entries()) CHECK(e.offset % 16 == 0);
}

TEST_CASE("a tied parameter is one entry with two names", "[core]") {
  pair p;
  const auto layout = placed(p);
  layout->alias("head.weight", p.first);
  CHECK(layout->entries().size() == 2);
  arena<B> values(layout);
  const std::vector<double> v{1, 2, 3, 4, 5, 6};
  values.write<double>("head.weight", v);
  CHECK(values.read("model.first") == v);
}

TEST_CASE("a tower can share another's parameters but for some", "[core]") {
  pair encoder, decoder;
  arena_layout layout;
  layout.tie(decoder, encoder, [](std::string_view path) { return path == "second"; });
  layout.place("encoder", encoder);
  layout.place("decoder", decoder);
  CHECK(layout.entries().size() == 3);
  CHECK(layout.at("decoder.first").entry == layout.at("encoder.first").entry);
  CHECK(layout.at("decoder.second").entry != layout.at("encoder.second").entry);
}

TEST_CASE("layout and arena say what is wrong", "[core]") {
  pair p, elsewhere;
  const auto layout = placed(p), other = placed(elsewhere);
  CHECK_THROWS_AS(layout->place("model", *std::make_unique<pair>()), config_error);  // the same names again
  empty_parameter nothing;
  CHECK_THROWS_AS(layout->place("x", nothing), config_error);
  arena<B> values(layout);
  CHECK_THROWS_AS(values.read("model.third"), config_error);
  CHECK_THROWS_AS(values.write<double>("model.second", std::vector<double>(4)), shape_error);
  CHECK_THROWS_AS(values.view(elsewhere.first), not_placed_error);
  CHECK_THROWS_AS(arena<B>().view(p.first), not_placed_error);
}

TEST_CASE("gradients know what they received", "[core]") {
  pair p;
  const auto layout = placed(p);
  gradients<B> g(layout);
  CHECK_FALSE(g.touched(0));
  CHECK_FALSE(g.view(p.first).accumulate);
  CHECK(g.touched(0));
  CHECK(g.view(p.first).accumulate);
  g.freeze(1);
  CHECK_FALSE(g.view(p.second));
  CHECK_FALSE(g.trains(p.second));
  g.clear();
  CHECK_FALSE(g.touched(0));
  const auto zeroed = g.zeroed_view(p.first);
  CHECK((zeroed.accumulate && zeroed(1, 2) == 0));
}

TEST_CASE("initial values depend on the seed and the parameter's own place", "[core]") {
  linear_group<40, 30, 3, group_names::query_key_value, B> group;
  const auto layout = placed(group);
  arena<B> a(layout), b(layout), c(layout);
  initialise(a, 1), initialise(b, 1), initialise(c, 2);
  CHECK(a.read("model.key.weight") == b.read("model.key.weight"));
  CHECK(a.read("model.key.weight") != c.read("model.key.weight"));
  CHECK(blip_test::largest(a.read("model.key.bias")) == 0);
  double squares = 0;
  for (const double v : a.read("model.query.weight")) squares += v * v;
  CHECK(std::abs(std::sqrt(squares / 1200) - 0.02) < 0.002);
}
