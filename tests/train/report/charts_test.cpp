// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "blip/train/report/bar_chart.hpp"
#include "blip/train/report/line_chart.hpp"
#include "blip/train/report/mirror_histogram.hpp"
#include "page_checker.hpp"
#include "support/catch.hpp"

using namespace blip::report;
using namespace blip_test;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> labels(const axis& a) {
  std::vector<std::string> out;
  for (const double t : a.ticks) out.push_back(a.label(t));
  return out;
}
using texts = std::vector<std::string>;

std::string drawn(const auto& chart) {
  markup m;
  draw(m, chart);
  const std::string svg = m.take();
  CHECK(page_checker("<!DOCTYPE html>\n" + svg).fault == "");
  CHECK(svg.find("nan") == svg.npos);
  CHECK(svg.find("inf") == svg.npos);
  return svg;
}
std::string between(const std::string& s, const std::string& from, const std::string& to) {
  const auto begin = s.find(from) + from.size();
  return s.substr(begin, s.find(to, begin) - begin);
}

}  // namespace

TEST_CASE("axis: ticks are round numbers around the range, or inside it") {
  CHECK(labels(linear_axis(0, 1)) == texts{"0.0", "0.5", "1.0"});
  CHECK(labels(linear_axis(0, 1, 5)) == texts{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(labels(linear_axis(0.31, 1.29)) == texts{"0.0", "0.5", "1.0", "1.5"});
  CHECK(labels(linear_axis(0, 37'000)) == texts{"0", "10k", "20k", "30k", "40k"});
  CHECK(labels(linear_axis(0, 4'062, 4, true)) == texts{"0", "2,000", "4,000"});
  CHECK(labels(linear_axis(-0.013, 0.02)) == texts{"\u22120.02", "\u22120.01", "0.00", "0.01", "0.02"});
  CHECK(labels(log_axis(300, 4'000)) == texts{"200", "500", "1,000", "2,000", "5,000"});
  CHECK(labels(log_axis(0.21, 3.9)) == texts{"0.2", "0.5", "1", "2", "5"});
  CHECK(labels(log_axis(0.0003, 40)) == texts{"0.0001", "0.001", "0.01", "0.1", "1", "10", "100"});
  for (double low : {-3.7, 0.0, 1e-9, 12.5, 9.99e7})
    for (double width : {0.0, 1e-6, 0.3, 1.0, 77.0, 1e9})
      for (const bool tight : {false, true}) {
        const axis a = linear_axis(low, low + width, 4, tight);
        INFO(low << " + " << width);
        const double slack = 1e-9 * (std::abs(low) + width);
        CHECK(a.low <= low + slack);
        CHECK(a.high >= low + width - slack);
        CHECK(a.ticks.size() >= 2 - (tight ? 1u : 0u));
        CHECK(a.ticks.size() <= 8);
      }
  for (double low : {1e-8, 0.2, 1.0, 3.0})
    for (double ratio : {1.0, 1.5, 10.0, 1e6}) {
      const axis a = log_axis(low, low * ratio);
      CHECK(a.place(low) >= -1e-9);
      CHECK(a.place(low * ratio) <= 1 + 1e-9);
      CHECK(a.low < a.high);
    }
}

TEST_CASE("axis: numbers beyond all reason end in a scale") {
  const double huge = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
  for (const double low : {-huge, -1e18, 0.0, tiny, 1e-300, 1.0, 1e18, huge})
    for (const double high : {0.0, tiny, 1e-300, std::nextafter(1.0, 2.0), 1e18 + 256, huge})
      for (const bool tight : {false, true}) {
        if (high < low) continue;
        const axis a = linear_axis(low, high, 4, tight);
        CHECK(a.low < a.high);
        CHECK(a.ticks.size() <= 12);
        if (low > 0) CHECK(log_axis(low, high).ticks.size() <= 8);
        for (const double t : a.ticks) CHECK(a.label(t).size() <= 16);
      }
  CHECK(labels(linear_axis(0, 3e-7)) == texts{"0", "1e-07", "2e-07", "3e-07"});
  CHECK(labels(log_axis(1e-12, 1)) == texts{"1e-12", "1e-10", "1e-08", "1e-06", "0.0001", "0.01", "1"});

  line_chart c{{"losses", "explode"}, "step", "loss", {{"itc", {{0, 1}, {1, huge}, {2, 3}, {3, tiny}, {4, 1e18}}}}};
  CHECK(!drawn(c).empty());
  c.logarithmic = true;
  CHECK(!drawn(c).empty());
}

TEST_CASE("numbers: as people read them") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(-1'234'567) == "-1,234,567");
  CHECK(grouped(-123) == "-123");
  CHECK(percent(0) == "0\u00a0%");
  CHECK(percent(0.0004) == "under\u00a00.1\u00a0%");
  CHECK(percent(0.055) == "5.5\u00a0%");
  CHECK(percent(0.418) == "42\u00a0%");
  CHECK(percent(0.975) == "97.5\u00a0%");
  CHECK(percent(0.99996) == "over\u00a099.9\u00a0%");
  CHECK(percent(1) == "100\u00a0%");
  CHECK(fixed(-0.001, 2) == "0.00");
  CHECK(fixed(-1.25, 1) == "\u22121.2");
  CHECK(points_text(0.155) == "+16\u00a0points");
  CHECK(points_text(-0.012) == "\u22121.2\u00a0points");
  CHECK(points_text(0.0001) == "no change");
  CHECK(margin(0.5, 1000) == Approx(0.031).epsilon(0.01));
  CHECK(margin(0.5, 0) == 0);
}

TEST_CASE("line chart: labels at the ends do not meet") {
  const auto apart = [](const std::vector<double>& wanted) {
    const auto places = detail::spread_labels(wanted, 14, 20, 200);
    for (std::size_t i = 0; i < places.size(); ++i) {
      CHECK(places[i] >= 20 - 1e-9);
      CHECK(places[i] <= 200 + 1e-9);
      for (std::size_t j = 0; j < i; ++j) CHECK(std::abs(places[i] - places[j]) >= 14 - 1e-9);
    }
    return places;
  };
  CHECK(apart({50, 100}) == std::vector<double>{50, 100});
  CHECK(apart({100, 100, 101}) == std::vector<double>{100, 114, 128});
  CHECK(apart({200, 199, 5}) == std::vector<double>{200, 186, 20});
  apart({300, 300, 300, 300, 300});
}

TEST_CASE("line chart: many points become means, values that are not finite a gap") {
  std::vector<point> many;
  for (int i = 0; i < 1000; ++i) many.push_back({i * 1.0, i % 2 * 1.0});
  const auto few = thinned(many, 250);
  REQUIRE(few.size() == 250);
  CHECK(few[1].x == 5.5);
  CHECK(few[1].y == 0.5);
  CHECK(thinned(many, 1000).size() == 1000);

  line_chart c{{"losses", "fall"}, "step", "loss"};
  c.lines = {{"itc", {{0, 3}, {1, 2}, {2, not_a_number}, {3, 1}, {4, 0}}}};
  CHECK(between(drawn(c), "<path class=\"line s0\" d=\"", "\"").find_first_of("M") == 0);
  const auto pieces = [&] {
    const std::string path = between(drawn(c), "<path class=\"line s0\" d=\"", "\"");
    return std::pair(std::count(path.begin(), path.end(), 'M'), std::count(path.begin(), path.end(), 'L'));
  };
  CHECK(pieces() == std::pair<std::ptrdiff_t, std::ptrdiff_t>(2, 2));
  c.logarithmic = true;  // has no place for 0
  CHECK(pieces() == std::pair<std::ptrdiff_t, std::ptrdiff_t>(2, 1));
  c.lines[0].points = {{0, not_a_number}, {not_a_number, 1}};
  CHECK(drawn(c).empty());
  c.lines[0].points = {{5, 2}};
  CHECK(!drawn(c).empty());
  c.guides = {{"guessing", not_a_number}, {"zero", 0}};
  CHECK(!drawn(c).empty());
}

TEST_CASE("charts: every one has a title and a description that screen readers find") {
  for (const std::string& svg :
       {drawn(line_chart{{"T & t", "D"}, "x", "y", {{"a", {{0, 0}, {1, 1}}}}, {}, {{{0.5, 0.5}, "here"}}, false, true}),
        drawn(bar_chart{{"T & t", "D"}, "before", "after", {{"one", 0.2, 1}}}),
        drawn(mirror_histogram{{"T & t", "D"}, "true", "false", "p", {0, 3, 1}, {2, 0}, 0.5})}) {
    CHECK(between(svg, "role=\"", "\"") == "img");
    CHECK(between(svg, "aria-labelledby=\"", "\"") == "id1 id2");
    CHECK(svg.find("<title id=\"id1\">T &amp; t</title>") != svg.npos);
    CHECK(svg.find("<desc id=\"id2\">D</desc>") != svg.npos);
  }
}

TEST_CASE("charts: bars are as long as their shares") {
  const std::string svg = drawn(bar_chart{{"t", "d"}, "before", "after", {{"one", 0.25, 1}}});
  const auto length = [&](std::size_t from) { return std::stod(between(svg.substr(from), "width=\"", "\"")); };
  const auto first = svg.find("<rect class=\"before\"", svg.find("<rect class=\"after\"") + 1);
  const auto second = svg.find("<rect class=\"after\"", first);
  CHECK(length(first) == Approx(length(second) / 4).margin(0.1));
  CHECK(length(second) == Approx(300));
  CHECK(!drawn(bar_chart{{"t", "d"}, "before", "after", {{"none", 0, 0}}, false}).empty());
  CHECK(drawn(bar_chart{{"t", "d"}, "before", "after"}).empty());
  CHECK(drawn(mirror_histogram{{"t", "d"}, "true", "false", "p", {0, 0}, {}}).empty());
}
