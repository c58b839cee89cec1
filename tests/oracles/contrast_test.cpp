// SPDX-License-Identifier: Apache-2.0
//
// Targets and gradients of the contrastive loss read back exactly: against orthonormal keys the gradient by a query is
// the gradient by its scores, one column each.
#include "blip/ops/contrast.hpp"

#include <cmath>
#include <optional>

#include "blip/backend/reference.hpp"
#include "blip/layers/owned.hpp"
#include "blip/losses/feature_queue.hpp"
#include "blip/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using B = reference<double>;
constexpr int row_count = 4, columns = 9, queue = columns - row_count;  // the keys of a batch, then those of a queue

struct temperature {
  parameter value{1};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("temp", s.value);
  }
};

struct outcome {
  double loss;
  numbers slopes;  // [row_count, columns] of the mean loss by the scores
  double by_temperature;
  bool reaches_keys;  // a gradient arrived at the batch's keys or at the teacher
};

outcome contrasted(const numbers& queries, const std::optional<numbers>& teacher, double alpha, double tau,
                   const std::vector<int>& ids = {}, const std::vector<int>& queue_ids = {}) {
  numbers identity(columns * columns, 0.0);
  for (int c = 0; c < columns; ++c) at(identity, c * columns + c) = 1;
  owned<temperature, B> scale(1);
  scale.values().write<double>("temp", numbers{tau});
  device<B> dev;
  auto t = scale.recording(dev);
  const auto given = [&](const double* data, int n) {
    return t.input<columns>({data, n, columns, columns, nullptr}, true);
  };
  const auto x = given(queries.data(), row_count), keys = given(identity.data(), row_count);
  const auto taught = given(teacher ? teacher->data() : queries.data(), row_count);
  ops::contrast_keys<B> k{.batch = keys.ref(),
                          .queue = {identity.data() + row_count * columns, queue, columns, columns, nullptr}};
  if (teacher) k.teacher = taught.ref(), k.alpha = alpha;
  if (!ids.empty()) k.query_ids = k.batch_ids = ids.data(), k.queue_ids = queue_ids.data();
  const auto loss = ops::mean_labelled(t, ops::contrast(t, x, k, scale->value));
  const double value = to_host(loss)[0];
  t.backward(loss);
  numbers slopes = to_host<B>(t.gradient_of(x));
  for (double& s : slopes) s *= tau;  // s = x / tau
  return {value, slopes, scale.gradients().values().read("temp")[0],
          t.gradient_of(keys).data != nullptr || t.gradient_of(taught).data != nullptr};
}

numbers softmax(const numbers& x, double tau) {
  numbers p(x.size());
  for (int r = 0; r < row_count; ++r) {
    double sum = 0;
    for (int c = 0; c < columns; ++c) sum += at(p, r * columns + c) = std::exp(at(x, r * columns + c) / tau);
    for (int c = 0; c < columns; ++c) at(p, r * columns + c) /= sum;
  }
  return p;
}

}  // namespace

TEST_CASE("itc: the gradient by the scores is (softmax - targets) / B; keys, queue, teacher and targets get none (O9)",
          "[oracles]") {
  const numbers x = random_numbers(row_count * columns, 1), m = random_numbers(row_count * columns, 2);
  const double tau = 0.3, alpha = 0.4;
  const outcome r = contrasted(x, m, alpha, tau);
  const numbers p = softmax(x, tau), q = softmax(m, tau);
  double loss = 0, by_temperature = 0;
  for (int i = 0; i < row_count; ++i)
    for (int c = 0; c < columns; ++c) {
      const double y = alpha * at(q, i * columns + c) + (1 - alpha) * (i == c);
      const double slope = (at(p, i * columns + c) - y) / row_count;
      CHECK(at(r.slopes, i * columns + c) == Approx(slope).margin(1e-15));
      loss -= y * std::log(at(p, i * columns + c)) / row_count;
      by_temperature -= slope * at(x, i * columns + c) / tau / tau;
    }
  CHECK(r.loss == Approx(loss).epsilon(1e-13));
  CHECK(r.by_temperature == Approx(by_temperature).epsilon(1e-12));
  CHECK_FALSE(r.reaches_keys);
}

TEST_CASE(
    "itc: m pictures of one id share a target of 1 / m each, in batch and queue; every row's targets sum to 1 (O10)",
    "[oracles]") {
  const std::vector<int> ids{7, 3, 7, 5}, queue_ids{3, feature_queue<B>::no_id, 7, 7, 9};
  const numbers x = random_numbers(row_count * columns, 3), m = random_numbers(row_count * columns, 4);
  const double tau = 0.5;
  for (const double alpha : {0.0, 0.4}) {
    const outcome r = contrasted(x, alpha > 0 ? std::optional(m) : std::nullopt, alpha, tau, ids, queue_ids);
    const numbers p = softmax(x, tau), q = softmax(m, tau);
    const double positives[] = {4, 2, 4, 1};
    for (int i = 0; i < row_count; ++i) {
      double sum = 0;
      for (int c = 0; c < columns; ++c) {
        const double target = at(p, i * columns + c) - row_count * at(r.slopes, i * columns + c);
        const bool same = at(ids, i) == (c < row_count ? at(ids, c) : at(queue_ids, c - row_count));
        CHECK(target == Approx(alpha * at(q, i * columns + c) + (same ? (1 - alpha) / positives[i] : 0)).margin(1e-15));
        sum += target;
      }
      CHECK(sum == Approx(1).epsilon(1e-14));
    }
  }
}
