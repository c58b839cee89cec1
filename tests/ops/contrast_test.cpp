// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/contrast.hpp"
#include "blip/ops/reduce.hpp"
#include "support/laws.hpp"

using namespace blip_test;

namespace {

struct temperature {
  blip::parameter value = blip::parameter(1, blip::initial::ones);
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("value", s.value);
  }
};

// The teacher sees the temperature too, but no gradient flows that way; one that finds all keys equal does not notice.
law_case keys(int queue) {
  return {.inputs = {{5, 8},
                     {.rows = 6, .width = 8, .gradient = false},
                     {.rows = queue, .width = 8, .gradient = false},
                     {.rows = 5, .width = 8, .gradient = false, .values = numbers(40, 0.0)}}};
}

template <class B, class A>
auto inputs(const A& a, double alpha, bool ids) {
  blip::ops::contrast_keys<B> k{.batch = a.tensor(1), .queue = a.tensor(2)->value, .alpha = alpha, .first = 1};
  if (alpha > 0) k.teacher = a.tensor(3);
  if (ids) k.query_ids = a.ints(0), k.batch_ids = a.ints(1), k.queue_ids = a.ints(2);
  return k;
}

}  // namespace

TEST_CASE("contrast obeys the laws", "[ops][contrast]") {
  for (const int queue : {0, 7, 1100})  // none, less than a block of the processor's, more than two
    for (const double alpha : {0.0, 0.4}) {
      INFO("queue " << queue << ", alpha " << alpha);
      check_laws(op<temperature>([alpha](auto& t, const auto& m, const auto& a) {
        return blip::ops::contrast(t, a.x(0, w<8>), inputs<typename std::remove_cvref_t<decltype(t)>::backend_type>(a, alpha, false), m.value).ref();
      }), keys(queue));
    }
}

TEST_CASE("contrast with several positives by id obeys the laws", "[ops][contrast]") {
  law_case c = keys(7);
  c.ints = {{{3, 1, 3, 9, 4}}, {{0, 3, 1, 3, 9, 4}}, {{-100, 3, 5, 1, 1, -100, 7}}};
  for (const double alpha : {0.0, 0.4})
    check_laws(op<temperature>([alpha](auto& t, const auto& m, const auto& a) {
      return blip::ops::contrast(t, a.x(0, w<8>), inputs<typename std::remove_cvref_t<decltype(t)>::backend_type>(a, alpha, true), m.value).ref();
    }), c);
}

TEST_CASE("contrast: the processor agrees with the oracle about a teacher", "[ops][contrast]") {
  law_case c = keys(1100);
  law_point p{random_numbers(40, 1), random_numbers(48, 2), random_numbers(8800, 3), random_numbers(40, 4), {0.3}};
  c.inputs[3].values = {};
  const auto s = op<temperature>([](auto& t, const auto& m, const auto& a) {
    return blip::ops::contrast(t, a.x(0, w<8>), inputs<typename std::remove_cvref_t<decltype(t)>::backend_type>(a, 0.4, false), m.value).ref();
  });
  const numbers dy = random_numbers(5, 6);
  const law_result exact = s.reference(c)->record(p, dy), fast = s.cpu(c, {})->record(p, dy);
  for (int i = 0; i < 5; ++i) CHECK(std::abs(at(exact.y, i) - at(fast.y, i)) < 1e-5);
  for (int i = 0; i < 40; ++i) CHECK(std::abs(at(exact.gradients[0], i) - at(fast.gradients[0], i)) < 1e-5);
  CHECK(std::abs(exact.gradients[4][0] - fast.gradients[4][0]) < 1e-4);
}

// O8, O9: without teacher and queue it is the cross entropy of the scores, whose gradient is (softmax - one hot) keys / tau.
TEST_CASE("contrast: without queue and teacher it is the cross entropy with diagonal targets", "[ops][contrast]") {
  const numbers x = random_numbers(3 * 4, 5), y = random_numbers(3 * 4, 6);
  const law_case c{.inputs = {{.rows = 3, .width = 4, .values = x}, {.rows = 3, .width = 4, .values = y}}};
  const auto s = op<temperature>([](auto& t, const auto& m, const auto& a) {
    using B = typename std::remove_cvref_t<decltype(t)>::backend_type;
    return blip::ops::contrast(t, a.x(0, w<4>), blip::ops::contrast_keys<B>{.batch = a.tensor(1)}, m.value).ref();
  });
  const law_result r = s.reference(c)->record({x, y, {1}}, {1, 1, 1});
  const auto dot = [&](int i, int j) {
    double sum = 0;
    for (int k = 0; k < 4; ++k) sum += at(x, i * 4 + k) * at(y, j * 4 + k);
    return sum;
  };
  CHECK(r.gradients[1].empty());  // no gradient reaches keys
  for (int i = 0; i < 3; ++i) {
    double total = 0;
    for (int j = 0; j < 3; ++j) total += std::exp(dot(i, j));
    CHECK(std::abs(at(r.y, i) - (std::log(total) - dot(i, i))) < 1e-12);
    for (int k = 0; k < 4; ++k) {
      double want = 0;
      for (int j = 0; j < 3; ++j) want += (std::exp(dot(i, j)) / total - (i == j)) * at(y, j * 4 + k);
      CHECK(std::abs(at(r.gradients[0], i * 4 + k) - want) < 1e-12);
    }
  }
}
