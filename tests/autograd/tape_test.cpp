// SPDX-License-Identifier: Apache-2.0
#include "blip/autograd/checkpoint.hpp"
#include "blip/autograd/var_list.hpp"
#include "blip/backend/reference.hpp"
#include "blip/layers/layer_norm.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "blip/ops/reduce.hpp"
#include "blip/ops/residual.hpp"
#include "blip/ops/scale.hpp"
#include "blip/ops/stop_gradient.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;
using B = reference<double>;
using layer = linear<linear_config{.in = 3, .out = 3}, B>;

namespace {

const numbers values = random_numbers(6, 1);
const matrix_view<const double> two_rows{values.data(), 2, 3, 3, nullptr};

struct normed {
  layer_norm<3, B> norm{1e-6};
  layer product;

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("norm", self.norm);
    f("product", self.product);
  }
};

}  // namespace

TEST_CASE("uses of a matrix and of a parameter add up", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  auto t = l.recording(d);
  const auto x = t.input<3>(two_rows, true);
  const auto once = ops::weighted_sum(t, l->forward(t, x));
  t.backward(once);
  const numbers g = to_host<B>(t.gradient_of(x)), gw = l.gradients().values().read("weight");
  l.gradients().clear();
  auto u = l.recording(d);
  const auto z = u.input<3>(two_rows, true);
  const auto h = ops::residual(u, l->forward(u, z), l->forward(u, z), {}, {});
  u.backward(ops::weighted_sum(u, h));
  CHECK(worst_error(to_host<B>(u.gradient_of(z)), g) == Approx(1));
  CHECK(worst_error(l.gradients().values().read("weight"), gw) == Approx(1));
}

TEST_CASE("nothing is recorded where nobody wants a gradient", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  l.gradients().freeze(0), l.gradients().freeze(1);
  auto t = l.recording(d);
  const auto y = l->forward(t, t.input<3>(two_rows));
  CHECK_FALSE(y.ref()->needs_gradient);
  t.backward(ops::weighted_sum(t, y));
  CHECK_FALSE(l.gradients().touched(0));
}

TEST_CASE("a frozen parameter gets no gradient but passes them on", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  l.gradients().freeze(0);
  auto t = l.recording(d);
  const auto x = t.input<3>(two_rows, true);
  t.backward(ops::weighted_sum(t, l->forward(t, x)));
  CHECK_FALSE(l.gradients().touched(0));
  CHECK(l.gradients().touched(1));
  CHECK(t.gradient_of(x).data != nullptr);
}

TEST_CASE("while paused nothing is kept", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  auto t = l.recording(d);
  const auto x = t.input<3>(two_rows, true);
  {
    const auto quiet = t.paused();
    CHECK_FALSE(l->forward(t, x).ref()->needs_gradient);
  }
  CHECK(l->forward(t, x).ref()->needs_gradient);
}

TEST_CASE("scopes change the dropout addresses and end with their guard", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  auto t = l.recording(d, {.stochastic = true, .seed = 4});
  const auto site = [&] { return t.dropout(0.5f, l->weight()).at.site; };
  const auto outside = site();
  {
    const auto guard = t.scoped("momentum");
    CHECK(site() != outside);
    const auto inner = t.scoped("again");
    CHECK(site() != outside);
  }
  CHECK(site() == outside);
  auto quiet = l.recording(d);
  CHECK_FALSE(quiet.dropout(0.5f, l->weight()).active());
}

TEST_CASE("dropped tapes and steps give all memory back", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  for (int i = 0; i < 3; ++i) {
    auto t = l.recording(d);
    const auto y = l->forward(t, l->forward(t, t.input<3>(two_rows, true)));
    if (i == 1) t.backward(ops::weighted_sum(t, y));
  }
  CHECK(d.tensors().bytes_in_use() == 0);
  CHECK(d.records().bytes_in_use() == 0);
}

TEST_CASE("values die when nobody will read them again", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  auto t = l.inference(d);
  auto x = l->forward(t, t.input<3>(two_rows));
  const std::size_t one = d.tensors().bytes_in_use();
  for (int i = 0; i < 10; ++i) x = l->forward(t, x);
  CHECK(d.tensors().bytes_in_use() == one);
  CHECK(d.tensors().bytes_peak() == 2 * one);
}

TEST_CASE("backward refuses a seed of another shape", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  auto t = l.recording(d);
  const auto y = l->forward(t, t.input<3>(two_rows));
  CHECK_THROWS_AS(t.backward(y, {values.data(), 1, 3, 3, nullptr}), shape_error);
  CHECK_THROWS_AS(t.backward(scores<decltype(t)>(y.ref()), {values.data(), 2, 2, 2, nullptr}), shape_error);
}

TEST_CASE("a checkpoint keeps less and gives the same bits", "[autograd]") {
  owned<layer, B> l(1);
  device<B> d;
  const auto run = [&](bool again) {
    l.gradients().clear();
    auto t = l.recording(d);
    const auto x = t.input<3>(two_rows, true);
    const auto body = [&l](auto& on, const auto& h) {
      auto y = h;
      for (int i = 0; i < 8; ++i) y = l->forward(on, y, activation::gelu);
      return y;
    };
    const auto y = again ? checkpoint(t, x, body) : body(t, x);
    const std::size_t kept = d.tensors().bytes_in_use();
    t.backward(ops::weighted_sum(t, y));
    return std::pair(kept, to_host<B>(t.gradient_of(x)));
  };
  const auto [plain, g] = run(false);
  const auto [less, h] = run(true);
  CHECK(less < plain / 4);
  CHECK(difference_of_bits(g, h) == "");
}

TEST_CASE("what is computed again is not kept, and gradients have the same bits", "[autograd]") {
  owned<normed, B> l(1);
  device<B> d;
  numbers gx[2], gw[2];
  for (const bool held : {false, true}) {
    l.gradients().clear();
    auto t = l.recording(d);
    const auto x = t.input<3>(two_rows, true);
    auto n = l->norm.forward(t, x);
    const auto loss = ops::weighted_sum(t, l->product.forward(t, n));
    const sink<B> place(n.ref().get());
    if (!held) n = {};
    CHECK(place->values == (held ? 1 : 0));
    t.backward(loss);
    gx[held] = to_host<B>(t.gradient_of(x)), gw[held] = l.gradients().values().read("product.weight");
  }
  CHECK(gx[0] == gx[1]);
  CHECK(gw[0] == gw[1]);
}
