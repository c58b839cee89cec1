// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "blip/backend/types.hpp"
#include "blip/core/initialise.hpp"
#include "blip/core/philox.hpp"
#include "support/catch.hpp"

using namespace blip;

TEST_CASE("philox gives the published numbers", "[core]") {
  // Random123's known answers for philox4x32-10.
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == philox_counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == philox_counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        philox_counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("an address decides a number, and every part of it matters", "[core]") {
  const std::uint64_t one = 1, two = 2;
  const random_site site{7, &one, 3};
  const float u = site.uniform(1, 2, 3);
  CHECK(site.uniform(1, 2, 3) == u);
  CHECK(site.uniform(0, 2, 3) != u);
  CHECK(site.uniform(1, 1, 3) != u);
  CHECK(site.uniform(1, 2, 4) != u);
  CHECK(random_site{8, &one, 3}.uniform(1, 2, 3) != u);
  CHECK(random_site{7, &two, 3}.uniform(1, 2, 3) != u);
  CHECK(random_site{7, &one, 4}.uniform(1, 2, 3) != u);
}

TEST_CASE("uniform numbers and dropout have the means that they should", "[core]") {
  const random_site site{7, nullptr, 3};
  const dropout_spec drop{0.3f, 0, site};
  double sum = 0, squares = 0, kept = 0;
  constexpr int n = 200000;
  for (std::uint32_t i = 0; i < n; ++i) {
    const double u = site.uniform(0, i / 100, i % 100);
    REQUIRE((u >= 0 && u < 1));
    sum += u, squares += u * u;
    kept += static_cast<double>(dropout_factor(drop, 0, i / 100, i % 100));
  }
  CHECK(std::abs(sum / n - 0.5) < 0.003);
  CHECK(std::abs(squares / n - 1.0 / 3) < 0.003);
  CHECK(std::abs(kept / n - 1) < 0.01);
}

TEST_CASE("drop-path drops whole sequences, each by itself", "[core]") {
  const dropout_spec drop{0, 0.5f, {7, nullptr, 3}};
  int dropped = 0;
  for (std::uint32_t s = 0; s < 1000; ++s) {
    const float factor = dropout_factor(drop, s, 0, 0);
    REQUIRE((factor == 0 || factor == 2));
    REQUIRE(dropout_factor(drop, s, 5, 9) == factor);
    dropped += factor == 0;
  }
  CHECK(std::abs(dropped - 500) < 60);
}
