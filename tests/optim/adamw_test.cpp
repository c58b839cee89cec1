// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "blip/optim/adamw.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Steps of AdamW on one weight [5, 7] and its bias with made-up gradients; gives both back.
template <class B>
std::pair<numbers, numbers> train(int steps, bool touch_bias = true, int threads = 2) {
  using S = typename B::scalar;
  owned<linear<linear_config{.in = 7, .out = 5}, B>, B> l(1);
  typename B::options options{};
  if constexpr (requires { options.threads; }) options.threads = threads;
  device<B> d(options);
  adamw<B> optimiser(l.values().layout(), {.weight_decay = 0.1});
  for (int s = 0; s < steps; ++s) {
    l.gradients().clear();
    for (const auto& e : l.values().layout()->entries()) {
      if (e.rank == 1 && !touch_bias) continue;
      const numbers g = random_numbers(static_cast<int>(e.size()), static_cast<std::uint64_t>(s) + 3);
      const std::vector<S> host(g.begin(), g.end());
      l.gradients().values().write(e, std::span<const S>(host));
      if (e.rank == 1) {
        parameter p(5);
        p.place(l.values().layout()->id(), 1, e.offset);
        l.gradients().view(p);
      } else {
        l.gradients().view(l->weight());
      }
    }
    optimiser.step(d, l.values(), l.gradients(), 1e-2);
  }
  const auto w = l.values().read("weight"), b = l.values().read("bias");
  return {numbers(w.begin(), w.end()), numbers(b.begin(), b.end())};
}

}  // namespace

TEST_CASE("AdamW follows its formula", "[optim]") {
  const auto [before, bias0] = train<reference<double>>(0);
  const auto [after, bias] = train<reference<double>>(2);
  const numbers g1 = random_numbers(35, 3), g2 = random_numbers(35, 4);
  for (int i = 0; i < 35; ++i) {
    double w = at(before, i), m = 0, v = 0;
    for (int t = 1; t <= 2; ++t) {
      const double g = at(t == 1 ? g1 : g2, i);
      m = 0.9 * m + 0.1 * g, v = 0.999 * v + 0.001 * g * g;
      w -= 1e-2 * 0.1 * w + 1e-2 * (m / (1 - std::pow(0.9, t))) / (std::sqrt(v / (1 - std::pow(0.999, t))) + 1e-8);
    }
    CHECK(std::abs(w - at(after, i)) < 1e-14);
  }
}

TEST_CASE("the processor's AdamW agrees and does not depend on threads", "[optim]") {
  const auto expected = train<reference<double>>(20).first;
  const auto found = train<cpu>(20).first;
  CHECK(worst_error(found, expected) < 1e-6);
  for (const int threads : {1, 3}) CHECK(difference_of_bits(found, train<cpu>(20, true, threads).first) == "");
}

TEST_CASE("what no loss reached stays, decay included", "[optim]") {
  CHECK(difference_of_bits(train<reference<double>>(3, false).second, train<reference<double>>(0).second) == "");
}
