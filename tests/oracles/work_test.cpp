// SPDX-License-Identifier: Apache-2.0
//
// The counter of work is an oracle of benchmarks: it is held against a scalar that notices its own multiplications,
// against loops over what queries may see, and against a step that computes.
#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/counting.hpp"
#include "support/idle.hpp"
#include "train/tiny_pretraining.hpp"

using namespace blip_test;

namespace {

long multiplications = 0;

// A double whose products are noticed.
struct noticed {
  double value = 0;
  noticed() = default;
  explicit noticed(double x) : value(x) {}
  friend noticed operator*(noticed a, noticed b) {
    ++multiplications;
    return noticed(a.value * b.value);
  }
  friend noticed operator+(noticed a, noticed b) { return noticed(a.value + b.value); }
  friend noticed operator/(noticed a, noticed b) { return noticed(a.value / b.value); }
  friend noticed operator-(noticed a, noticed b) { return noticed(a.value - b.value); }
  friend noticed exp(noticed a) { return noticed(std::exp(a.value)); }
  friend noticed erf(noticed a) { return noticed(std::erf(a.value)); }
  friend noticed tanh(noticed a) { return noticed(std::tanh(a.value)); }
  noticed& operator+=(noticed b) {
    value += b.value;
    return *this;
  }
};

template <class S>
struct matrix {
  matrix(int rows_of_it, int width_of_it)
      : rows(rows_of_it), width(width_of_it), values(static_cast<std::size_t>(rows * width), S(0.5)) {}
  blip::matrix_view<S> view(const int* live = nullptr) { return {values.data(), rows, width, width, live}; }
  blip::gradient_view<S> gradient() { return {view(), false}; }
  int rows, width;
  std::vector<S> values;
};

// What a step of a tiny model does, and its loss.
template <class Model>
std::pair<work, double> step_of_work() {
  using B = typename Model::backend_type;
  const auto state = make<Model>();
  work counted;
  typename B::options options{};
  if constexpr (requires { options.counted; }) options.counted = &counted;
  blip::device<B> dev(options);
  std::vector<std::vector<int>> texts{{1, 5, 9, 7}, {1, 6, 8, 12}, {1, 7, 20, 3}, {1, 8, 2, 11}};  // of one length
  const std::vector<typename B::scalar> pixels(pairs * 3 * side * side, typename B::scalar(0.25));
  const auto batch = (*state)->prepare({pixels.data(), pairs, 3, side, side}, {.texts = texts}, {.seed = 4});
  state->begin(dev);
  auto t = state->recording(dev, {.stochastic = true, .seed = 2});
  const auto loss = (*state)->loss(t, state->carried(), batch, {.alpha = 0.4});
  double value = 0;
  if constexpr (std::is_arithmetic_v<typename B::scalar>) value = to_host(loss.total)[0];
  counted.replaying = true;
  t.backward(loss.total);
  state->discard();  // what waits for the queue lives on the device
  return {counted, value};
}

bool same(const multiply_adds& a, const multiply_adds& b) {
  return a.weights == b.weights && a.attention == b.attention && a.similarity == b.similarity;
}

}  // namespace

TEST_CASE("counting: products are as many as a scalar notices that is multiplied", "[oracles][work]") {
  using B = counting<idle>;
  work counted;
  blip::device<B> dev({&counted});
  blip::device<blip::reference<noticed>> plain;
  using oracle = blip::reference_products<noticed>;
  matrix<noticed> x(7, 5), w(3, 5), y(7, 3), dx(7, 5), dw(3, 5), s(7, 7);
  matrix<idle::scalar> ix(7, 5), iw(3, 5), iy(7, 3), idx(7, 5), idw(3, 5);
  constexpr auto none = blip::activation::none;
  const auto check = [](const double& found) {
    CHECK(found == static_cast<double>(std::exchange(multiplications, 0)));
  };
  for (const int rows : {7, 4}) {
    counted = {}, multiplications = 0;
    oracle::affine(plain, x.view(&rows), {w.view(), nullptr}, {}, none, y.view(&rows), {});
    CHECK(multiplications == rows * 3 * 5);
    blip::kernels<B>::affine(dev, ix.view(&rows), {iw.view(), nullptr}, {}, none, iy.view(&rows), {});
    check(counted.forward.weights);
    oracle::affine_vjp(plain, x.view(&rows), {w.view(), nullptr}, none, {}, y.view(&rows), dx.gradient(), dw.gradient(),
                       {});
    blip::kernels<B>::affine_vjp(dev, ix.view(&rows), {iw.view(), nullptr}, none, {}, iy.view(&rows), idx.gradient(),
                                 idw.gradient(), {});
    check(counted.backward.weights);
    counted.backward = {};  // pictures get no gradient
    oracle::affine_vjp(plain, x.view(&rows), {w.view(), nullptr}, none, {}, y.view(&rows), {}, dw.gradient(), {});
    blip::kernels<B>::affine_vjp(dev, ix.view(&rows), {iw.view(), nullptr}, none, {}, iy.view(&rows), {},
                                 idw.gradient(), {});
    check(counted.backward.weights);
    oracle::similarity(plain, x.view(&rows), dx.view(), {}, s.view(&rows));
    blip::kernels<B>::similarity(dev, ix.view(&rows), idx.view(), {}, iy.view(&rows));
    check(counted.forward.similarity);
  }
}

TEST_CASE("counting: attention is counted for keys that a query may see, its scores twice in a backward pass",
          "[oracles][work]") {
  using B = counting<idle>;
  work counted;
  blip::device<B> dev({&counted});
  const blip::packed_layout<B> queries(std::vector<int>{3, 1, 4}), keys(std::vector<int>{5, 2});
  const std::vector<int> source{0, 1, 0};
  matrix<idle::scalar> q(8, 6), k(7, 6), y(8, 6), lse(8, 2);
  const auto run = [&](const blip::sequence_layout& kl, const int* from, bool causal) {
    counted = {};
    const blip::attention_spec spec{.heads = 2, .causal = causal};
    blip::kernels<B>::attention(dev, q.view(), k.view(), k.view(), queries, kl, from, spec, y.view(), lse.view());
    blip::kernels<B>::attention_vjp(dev, q.view(), k.view(), k.view(), queries, kl, from, spec, y.view(), lse.view(),
                                    y.view(), q.gradient(), k.gradient(), k.gradient());
    return counted;
  };
  const work crossing = run(keys, source.data(), false);
  const double pairs_of_cross = 3 * 5 + 1 * 2 + 4 * 5;
  CHECK(crossing.forward.attention == 2 * 6 * pairs_of_cross);
  CHECK(crossing.backward.attention == 4 * 6 * pairs_of_cross);
  CHECK(crossing.recomputed.attention == 6 * pairs_of_cross);
  const double triangles = 6 + 1 + 10;
  CHECK(run(queries, nullptr, true).forward.attention == 2 * 6 * triangles);
  CHECK(run(queries, nullptr, false).forward.attention == 2 * 6 * (9 + 1 + 16));
}

TEST_CASE("counting: it changes no bit of a step, and an idle step has the work of one that computes",
          "[oracles][work]") {
  const auto [blip_work, blip_loss] = step_of_work<blip_model<counting<blip::reference<double>>>>();
  CHECK(blip_loss == step_of_work<blip_model<blip::reference<double>>>().second);
  const auto [albef_work, albef_loss] = step_of_work<albef_model<counting<blip::reference<double>>>>();
  CHECK(albef_loss == step_of_work<albef_model<blip::reference<double>>>().second);
  const work blip_idle = step_of_work<blip_model<counting<idle>>>().first;
  const work albef_idle = step_of_work<albef_model<counting<idle>>>().first;
  for (const auto& [computed, idled] : {std::pair{blip_work, blip_idle}, std::pair{albef_work, albef_idle}}) {
    CHECK(same(computed.forward, idled.forward));
    CHECK(same(computed.backward, idled.backward));
    CHECK(same(computed.recomputed, idled.recomputed));
    CHECK(computed.backward.weights > computed.forward.weights);
    CHECK(computed.recomputed.weights == 0);
  }
}
