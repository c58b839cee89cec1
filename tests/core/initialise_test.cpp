// SPDX-License-Identifier: Apache-2.0
#include "blip/core/initialise.hpp"

#include <cmath>
#include <memory>
#include <numbers>
#include <string>

#include "blip/backend/types.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// Every kind of start; the matrices are longer than a few tiles of 16,384 values and end within one.
struct parts {
  parameter weight{211, 307}, bias{13}, gain{17, initial::ones}, temperature{1};
  parameter patches = parameter(193, 300).starts(initial::uniform_fan_in);

  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("weight", s.weight), f("bias", s.bias), f("gain", s.gain), f("temperature", s.temperature),
        f("patches", s.patches);
  }
};

// The layout of a module whose temperature starts at 0.07.
template <class M>
std::shared_ptr<arena_layout> layout_of_module(M& m) {
  m.temperature.starts_at(0.07);
  auto layout = std::make_shared<arena_layout>();
  layout->place("", m);
  return layout;
}

template <class B>
struct initialised {
  explicit initialised(std::uint64_t seed, int threads = 0) : values(layout_of_module(module)) {
    initialise(values, seed, {}, threads);
  }

  numbers read(const char* name) const {
    const auto host = values.read(name);
    return {host.begin(), host.end()};
  }
  numbers all() const {
    numbers v;
    for (const auto& n : values.layout()->names()) {
      const numbers one = read(n.text.c_str());
      v.insert(v.end(), one.begin(), one.end());
    }
    return v;
  }

  parts module;
  arena<B> values;
};

}  // namespace

TEST_CASE("initialise: the same bits for any number of threads", "[core][initialise]") {
  const numbers one = initialised<reference<float>>(5, 1).all();
  for (const int threads : {0, 2, 3, 7})
    CHECK(difference_of_bits(initialised<reference<float>>(5, threads).all(), one) == "");
  CHECK(difference_of_bits(initialised<reference<float>>(6, 2).all(), one) != "");
}

// Checkpoints of runs that began from a seed depend on this.
TEST_CASE("initialise: a seed and an address give the number that the formula says", "[core][initialise]") {
  const initialised<reference<double>> m(5);
  const numbers weight = m.read("weight"), patches = m.read("patches");
  for (const int i : {0, 1, 16'383, 16'384, 32'768, 211 * 307 - 1}) {
    const auto words = random_site{5, nullptr, 0}.block(0x1417u, 0, static_cast<std::uint32_t>(i));
    const double u = (words[0] + 1.0) / 4294967296, angle = 2 * std::numbers::pi * (words[1] / 4294967296.0);
    CHECK(at(weight, i) == Approx(0.02 * std::sqrt(-2 * std::log(u)) * std::cos(angle)).margin(1e-16));
  }
  const auto offset = static_cast<std::uint32_t>(m.values.layout()->at("patches").entry);
  const auto site = static_cast<std::uint32_t>(m.values.layout()->entries()[offset].offset / 16);
  for (const int i : {0, 16'384, 193 * 300 - 1}) {
    const auto words = random_site{5, nullptr, site}.block(0x1417u, 0, static_cast<std::uint32_t>(i));
    CHECK(at(patches, i) == Approx((2 * (words[1] / 4294967296.0) - 1) / std::sqrt(300)).margin(1e-16));
  }
}

TEST_CASE(
    "initialise: biases 0, gains 1, a temperature its value, weights N(0, 0.02), convolutions within their fan-in",
    "[core][initialise]") {
  const initialised<reference<double>> m(11);
  CHECK(m.read("bias") == numbers(13, 0.0));
  CHECK(m.read("gain") == numbers(17, 1.0));
  CHECK(m.read("temperature") == numbers{0.07});
  const auto moments = [](const numbers& v) {
    double sum = 0, squares = 0, fourth = 0;
    for (const double x : v) sum += x, squares += x * x, fourth += x * x * x * x;
    const auto n = static_cast<double>(v.size());
    return numbers{sum / n, std::sqrt(squares / n), fourth * n / (squares * squares)};
  };
  const numbers weight = moments(m.read("weight")), patches = moments(m.read("patches"));
  CHECK(std::abs(weight[0]) < 4e-4);  // 5 standard errors: 0.02 / sqrt(64,777)
  CHECK(weight[1] == Approx(0.02).epsilon(0.014));
  CHECK(weight[2] == Approx(3).margin(0.1));  // a normal distribution's kurtosis
  CHECK(patches[1] == Approx(1 / std::sqrt(3 * 300)).epsilon(0.01));
  CHECK(patches[2] == Approx(1.8).margin(0.03));  // a uniform one's
  CHECK(largest(m.read("patches")) <= 1 / std::sqrt(300));
}

namespace {

struct kinds {
  parameter product{211, 307, true}, table{211, 307}, gain{17, initial::ones}, bias{13}, temperature{1};
  parameter patches = parameter(193, 300, true).starts(initial::uniform_fan_in);

  template <class Self, class F>
  static void members(Self& s, F&& f) {
    f("product", s.product), f("table", s.table), f("gain", s.gain), f("bias", s.bias);
    f("temperature", s.temperature), f("patches", s.patches);
  }
};

struct spread_start {
  explicit spread_start(const initial_spread& spread, int threads = 0) : values(layout_of_module(module)) {
    initialise(values, 3, spread, threads);
  }
  numbers read(const char* name) const { return values.read(name); }
  double deviation(const char* name) const {
    const numbers v = read(name);
    double squares = 0;
    for (const double x : v) squares += x * x;
    return std::sqrt(squares / static_cast<double>(v.size()));
  }

  kinds module;
  arena<reference<double>> values;
};

}  // namespace

TEST_CASE("initial_spread: products and tables spread as they are told, products by their fan-in if that is told",
          "[core][initialise]") {
  const spread_start plain({}), wide({.weights = 0.1, .tables = 0.5}), fan({.tables = 0.05, .by_fan_in = true});
  CHECK(plain.deviation("product") == Approx(0.02).epsilon(0.014));
  CHECK(plain.deviation("table") == Approx(0.02).epsilon(0.014));
  CHECK(wide.deviation("product") == Approx(0.1).epsilon(0.014));
  CHECK(wide.deviation("table") == Approx(0.5).epsilon(0.014));
  CHECK(fan.deviation("product") == Approx(1 / std::sqrt(307)).epsilon(0.014));
  CHECK(fan.deviation("table") == Approx(0.05).epsilon(0.014));
  // The same draws, made wider.
  const numbers narrow = plain.read("table"), broad = wide.read("table");
  for (const int i : {0, 16'384, 211 * 307 - 1}) CHECK(at(broad, i) == Approx(25 * at(narrow, i)).epsilon(1e-12));
}

TEST_CASE("initial_spread: what does not start with a normal distribution, and the number of threads, do not see it",
          "[core][initialise]") {
  const spread_start plain({}), other({.weights = 0.3, .tables = 0.4, .by_fan_in = true});
  for (const char* name : {"gain", "bias", "temperature", "patches"})
    CHECK(difference_of_bits(plain.read(name), other.read(name)) == "");
  for (const int threads : {1, 2, 3})
    for (const char* name : {"product", "table"})
      CHECK(difference_of_bits(spread_start({.weights = 0.3, .tables = 0.4, .by_fan_in = true}, threads).read(name),
                               other.read(name)) == "");
}
