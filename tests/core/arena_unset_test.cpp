// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "blip/backend/reference.hpp"
#include "blip/core/arena.hpp"
#include "support/catch.hpp"

using namespace blip;
using B = reference<double>;

namespace {

struct three {
  parameter first{2, 3, true}, second{16}, third{5};
  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("first", s.first), f("second", s.second), f("third", s.third);
  }
};

}  // namespace

TEST_CASE("an unset arena has the layout's size, and zeros between its entries", "[core]") {
  three m;
  const auto layout = std::make_shared<arena_layout>();
  layout->place("m", m);
  for (int round = 0; round < 4; ++round) {  // memory that was written before is what one gets
    arena<B> a = arena<B>::unset(layout, layout->size());
    REQUIRE(a.size() == layout->size());
    for (std::int64_t i = 6; i < 16; ++i) CHECK(a.data()[i] == 0);
    for (std::int64_t i = 37; i < a.size(); ++i) CHECK(a.data()[i] == 0);
    std::fill_n(a.data(), a.size(), 3.0);
  }
}

TEST_CASE("an unset arena of the first parameters alone ends where it should", "[core]") {
  three m;
  const auto layout = std::make_shared<arena_layout>();
  layout->place("m", m);
  const arena<B> a = arena<B>::unset(layout, 16);
  CHECK(a.size() == 16);
  CHECK(a.holds(layout->entries()[0]));
  CHECK_FALSE(a.holds(layout->entries()[1]));
}

TEST_CASE("buffers of all sizes are what was written, with large pages or without", "[core]") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{5'000'000}, std::size_t{40'000'000}}) {
    auto a = buffer<B, std::uint8_t>::zeros(size);
    a.write(std::vector<std::uint8_t>{7}, size - 1);
    const auto b = a.clone();
    CHECK(b.data()[0] == (size == 1 ? 7 : 0));
    CHECK(b.data()[size - 1] == 7);
  }
}
