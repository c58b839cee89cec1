// SPDX-License-Identifier: Apache-2.0
#include "blip/train/training_curves.hpp"

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using points = std::vector<std::pair<double, double>>;

points of(const report::series& s) {
  points out;
  for (const report::point& p : s.points) out.emplace_back(p.x, p.y);
  return out;
}

}  // namespace

TEST_CASE("training_curves: a point is the mean of its stretch, at the stretch's last step", "[train][curves]") {
  const temporary_folder folder;
  std::string log;
  for (int i = 1; i <= 10; ++i)
    log += "{\"step\":" + std::to_string(5 * i) + ",\"itc\":" + std::to_string(i) + ",\"itm\":0.5}\n";
  put(folder / "log.jsonl", log);
  const auto fine = training_curves(folder / "log.jsonl", {"itm", "itc"});
  REQUIRE(fine.size() == 2);
  CHECK((fine[0].name == "itm" && fine[1].name == "itc"));
  CHECK(fine[0].points.size() == 10);
  CHECK(of(fine[1])[9] == std::pair{50.0, 10.0});
  // 10 / 3 points: stretches of 3, and what is left.
  CHECK(of(training_curves(folder / "log.jsonl", {"itc"}, 3)[0]) == points{{15, 2}, {30, 5}, {45, 8}, {50, 10}});
  CHECK(of(training_curves(folder / "log.jsonl", {"itc"}, 1)[0]) == points{{50, 5.5}});
  CHECK_THROWS_AS(training_curves(folder / "log.jsonl", {"itc"}, 0), config_error);
}

TEST_CASE("training_curves: lines that lack a name, a step or sense leave it out", "[train][curves]") {
  const temporary_folder folder;
  put(folder / "log.jsonl",
      "{\"step\":1,\"lm\":4}\n"
      "{\"step\":2,\"skipped\":\"lm\"}\n"
      "{\"step\":3,\"lm\":null,\"itc\":7}\n"
      "{\"step\":4,\"lm\":2}\n"
      "{\"lm\":100}\n"
      "{\"step\":5,\"lm\":8");
  CHECK(of(training_curves(folder / "log.jsonl", {"lm"})[0]) == points{{1, 4}, {4, 2}});
  const auto coarse = training_curves(folder / "log.jsonl", {"lm", "itc", "itm"}, 1);
  CHECK(of(coarse[0]) == points{{4, 3}});  // the last stretch ends at a line without a step
  CHECK(of(coarse[1]) == points{{4, 7}});
  CHECK((coarse[2].name == "itm" && coarse[2].points.empty()));
}

TEST_CASE("training_curves: an empty log has curves without points, a missing one is an error", "[train][curves]") {
  const temporary_folder folder;
  put(folder / "empty", ""), put(folder / "blank", "\n\n");
  for (const char* name : {"empty", "blank"}) {
    const auto curves = training_curves(folder / name, {"itc", "itm"});
    REQUIRE(curves.size() == 2);
    CHECK((curves[0].points.empty() && curves[1].points.empty()));
  }
  CHECK(training_curves(folder / "empty", {}).empty());
  CHECK_THROWS_AS(training_curves(folder / "nowhere", {"itc"}), io_error);
}
