// SPDX-License-Identifier: Apache-2.0
#include "blip/train/progress.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace blip;

namespace {

// A clock that stands still until it is told to move, and all that was shown.
struct stage {
  double now = 100;
  std::vector<std::string> shown{};

  progress make(std::int64_t total, progress_options o = {}, std::int64_t begun_at = 0) {
    return progress(
        total, [this](std::string_view s) { shown.emplace_back(s); }, o, begun_at, [this] { return now; });
  }
};

}  // namespace

TEST_CASE("progress: away from a terminal, a plain line every ten seconds", "[train]") {
  stage s;
  progress p = s.make(1000);
  for (int step = 1; step <= 250; ++step) s.now += 0.125, p.update(step, "itc 1.25");
  REQUIRE(s.shown.size() == 3);
  CHECK(s.shown[0] == "80/1000  8.00 steps/s  1:55 left  itc 1.25\n");
  CHECK(s.shown[1].find('\r') == std::string::npos);
  CHECK(s.shown[1].back() == '\n');
  p.finish();
  CHECK(s.shown.back() == "250/1000  8.00 steps/s  1:34 left  itc 1.25\n");
}

TEST_CASE("progress: on a terminal, one line that is drawn at most ten times a second", "[train]") {
  stage s;
  progress p = s.make(10, {.terminal = true});
  p.update(0);
  REQUIRE(s.shown.size() == 1);
  CHECK(s.shown[0] == "\r\x1b[K[>                   ] 0/10");
  for (int i = 0; i < 90; ++i) s.now += 0.01, p.update(5);
  CHECK(s.shown.size() >= 9);
  CHECK(s.shown.size() <= 11);
  s.now += 0.1, p.update(5);
  CHECK(s.shown.back().starts_with("\r\x1b[K[==========>         ] 5/10  "));
  CHECK(s.shown.back().ends_with(" steps/s  0:01 left"));
  p.update(10), p.finish();
  CHECK(s.shown[s.shown.size() - 2].starts_with("\r\x1b[K[====================] 10/10  "));
  CHECK(s.shown[s.shown.size() - 2].find("left") == std::string::npos);
  CHECK(s.shown.back() == "\n");
}

TEST_CASE("progress: the rate counts from where the run goes on, and follows a change", "[train]") {
  stage s;
  progress p = s.make(1'000'000, {}, 500'000);
  s.now += 10, p.update(500'020);
  CHECK(s.shown.back() == "500020/1000000  2.00 steps/s  69:26:30 left\n");
  for (int i = 1; i <= 300; ++i) s.now += 1, p.update(500'020 + i * 40);
  CHECK(s.shown.back().find("  40.0 steps/s  ") != std::string::npos);
}

TEST_CASE("progress: a line fits the terminal, whatever the note", "[train]") {
  stage s;
  progress p = s.make(0, {.terminal = true, .width = 12}, 7);
  p.update(7, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc");
  CHECK(s.shown.back() == "\r\x1b[K7  \xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc");
  s.now += 1;
  p.update(7, "a\nb\r\x1b[2J");
  CHECK(s.shown.back() == "\r\x1b[K7  a b  [2J");
}

TEST_CASE("progress: a clock that stands still or a task that is done divides by nothing", "[train]") {
  stage s;
  progress p = s.make(3, {.every = 0});
  p.update(3);
  CHECK(s.shown.back() == "3/3\n");
  s.now -= 50;  // back, even
  p.update(2);
  p.update(9);
  p.finish();
  CHECK(s.shown.back() == "9/3\n");
}
