// SPDX-License-Identifier: Apache-2.0
#include "blip/ops/start_gradient.hpp"

#include "blip/ops/scale.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

using doubles = reference<double>;
const std::vector<double> values{3, 5, -2, 7}, ones{1, 1, 1, 1};
const matrix_view<const double> two_rows{values.data(), 2, 2, 2, nullptr}, seed{ones.data(), 2, 2, 2, nullptr};

}  // namespace

TEST_CASE("start_gradient: a gradient arrives although nothing before trains", "[ops]") {
  device<doubles> d;
  const arena<doubles> nothing(std::make_shared<arena_layout>());
  recording_tape<doubles> t(d, nothing);
  const auto before = ops::scale(t, t.input<2>(two_rows), 2);
  CHECK(!before.ref()->needs_gradient);
  const auto x = ops::start_gradient(t, before);
  CHECK((x.view().data == before.view().data && to_host(x) == std::vector<double>{6, 10, -4, 14}));
  const auto y = ops::scale(t, x, 10);
  t.backward(y, seed);
  CHECK(to_host<doubles>(t.gradient_of(x)) == std::vector<double>{10, 10, 10, 10});
  CHECK(t.gradient_of(before).data == nullptr);
}

TEST_CASE("start_gradient: where a gradient is wanted already, while paused and without recording it is x", "[ops]") {
  device<doubles> d;
  const arena<doubles> nothing(std::make_shared<arena_layout>());
  recording_tape<doubles> t(d, nothing);
  const auto wanted = t.input<2>(two_rows, true), other = t.input<2>(two_rows);
  CHECK(ops::start_gradient(t, wanted).ref().get() == wanted.ref().get());
  {
    const auto quiet = t.paused();
    CHECK(ops::start_gradient(t, other).ref().get() == other.ref().get());
  }
  inference_tape<doubles> plain(d, nothing);
  const auto x = plain.input<2>(two_rows);
  CHECK(ops::start_gradient(plain, x).ref().get() == x.ref().get());
}
