// SPDX-License-Identifier: Apache-2.0
#include "blip/optim/adamw.hpp"

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "optim/handmade.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int bias = 2;  // of `usual`

struct plan {
  int steps = 3, threads = 2;
  double rate = 1e-2, scale = 1;
  bool touch_bias = true;
};

// Steps of AdamW with made-up gradients, after `prepare(optimiser)`; all values.
template <class B, class F>
numbers train(const plan& p, F prepare) {
  handmade<B> m(usual, p.threads);
  fill(m, 1);
  adamw<B> optimiser(m.values.layout(), {.weight_decay = 0.1});
  prepare(optimiser);
  for (int s = 0; s < p.steps; ++s) {
    m.gradients.clear();
    for (int i = 0; i < m.count(); ++i)
      if (i != bias || p.touch_bias) m.gradient(i, random_numbers(m.size(i), static_cast<std::uint64_t>(10 * s + i)));
    optimiser.step(m.dev, m.values, m.gradients, p.rate, p.scale);
  }
  return m.all(m.values);
}
template <class B>
numbers train(const plan& p = {}) {
  return train<B>(p, [](auto&) {});
}

// Where the entries of `usual` begin in such a list.
constexpr int begin[] = {0, 1, 1 + 53 * 89, 1 + 53 * 89 + 53, 1 + 53 * 89 + 53 + 15};
numbers entry(const numbers& all, int i) { return {all.begin() + begin[i], all.begin() + begin[i + 1]}; }

}  // namespace

TEST_CASE("adamw: follows its formula", "[optim]") {
  for (const double scale : {1.0, 0.25}) {
    const numbers before = train<reference<double>>({.steps = 0}), after = train<reference<double>>({.scale = scale});
    double worst = 0;
    for (int e = 0; e < 4; ++e) {
      const double decay = e == bias ? 0 : 0.1;
      for (int i = begin[e]; i < begin[e + 1]; ++i) {
        double w = at(before, i), m = 0, v = 0;
        for (int t = 1; t <= 3; ++t) {
          const numbers gradient =
              random_numbers(begin[e + 1] - begin[e], static_cast<std::uint64_t>(10 * (t - 1) + e));
          const double g = scale * at(gradient, i - begin[e]);
          m = 0.9 * m + 0.1 * g, v = 0.999 * v + 0.001 * g * g;
          w -=
              1e-2 * decay * w + 1e-2 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
        }
        worst = std::max(worst, std::abs(w - at(after, i)));
        if (e == 1 && i > begin[e] + 40) i += 700;  // the matrix is large: its beginning and samples
      }
    }
    CHECK(worst < 1e-14);
  }
}

TEST_CASE("adamw: the processor agrees and does not depend on threads", "[optim]") {
  const numbers expected = train<reference<double>>({.steps = 20}), found = train<cpu>({.steps = 20});
  CHECK(worst_error(found, expected) < 1e-6);
  for (const int threads : {1, 3})
    CHECK(difference_of_bits(found, train<cpu>({.steps = 20, .threads = threads})) == "");
}

TEST_CASE("adamw: what no loss reached stays, decay included", "[optim]") {
  const numbers before = train<reference<double>>({.steps = 0}),
                after = train<reference<double>>({.touch_bias = false});
  CHECK(difference_of_bits(entry(after, bias), entry(before, bias)) == "");
  CHECK(difference_of_bits(entry(after, 3), entry(train<reference<double>>(), 3)) == "");
}

TEMPLATE_TEST_CASE("adamw: an entry has a decay and a learning rate of its own", "[optim]", reference<double>, cpu) {
  using B = TestType;
  const numbers usual_run = train<B>(), half = train<B>({.rate = 5e-3});
  const numbers mixed = train<B>({}, [](adamw<B>& o) { o.rate(1, 0.5), o.rate(3, 0); });
  CHECK(difference_of_bits(entry(mixed, 0), entry(usual_run, 0)) == "");
  CHECK(difference_of_bits(entry(mixed, 1), entry(half, 1)) == "");
  CHECK(difference_of_bits(entry(mixed, 2), entry(usual_run, 2)) == "");
  CHECK(difference_of_bits(entry(mixed, 3), entry(train<B>({.steps = 0}), 3)) == "");

  const numbers plain = train<B>({}, [](adamw<B>& o) { o.decay(1, 0.0), o.decay(bias, 0.1); });
  CHECK(difference_of_bits(entry(plain, 0), entry(usual_run, 0)) == "");
  for (const int changed : {1, bias}) {
    const double shift = worst_error(entry(plain, changed), entry(usual_run, changed));
    CHECK((shift > 1e-4 && shift < 1e-2));  // about rate * decay * steps
  }
}

TEST_CASE("adamw: refuses options out of range, other models and numbers that are not finite", "[optim]") {
  using B = reference<double>;
  handmade<B> m(usual), other({{"a", {2, 3}}, {"b", {5}}, {"c", {7}}, {"d", {11}}});
  CHECK_THROWS_AS(adamw<B>(m.values.layout(), {.beta1 = 1}), config_error);
  CHECK_THROWS_AS(adamw<B>(m.values.layout(), {.weight_decay = blip_test::nan}), config_error);
  adamw<B> optimiser(m.values.layout());
  CHECK_THROWS_AS(optimiser.decay(4, 0.1), shape_error);
  CHECK_THROWS_AS(optimiser.rate(-1, 0.1), shape_error);
  CHECK_THROWS_AS(optimiser.rate(1, blip_test::nan), config_error);
  CHECK_THROWS_AS(optimiser.decay(1, -0.1), config_error);
  fill(m, 1), fill_gradients(m, 2);
  CHECK_THROWS_AS(optimiser.step(other.dev, other.values, other.gradients, 1e-3), shape_error);
  CHECK_THROWS_AS(optimiser.step(m.dev, m.values, other.gradients, 1e-3), shape_error);
  const numbers before = m.all(m.values);
  CHECK_THROWS_AS(optimiser.step(m.dev, m.values, m.gradients, blip_test::nan), numeric_error);
  CHECK_THROWS_AS(optimiser.step(m.dev, m.values, m.gradients, 1e-3, blip_test::nan), numeric_error);
  CHECK(difference_of_bits(m.all(m.values), before) == "");
  CHECK(optimiser.steps() == std::vector<std::int64_t>(4, 0));
}
