// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "train/capfilt_fakes.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("capfilt: the report counts what a plain loop over all texts counts", "[train][capfilt]") {
  const temporary_folder folder;
  const capfilt_options o{.threshold = 0.7f, .captions = 2, .batch = 7, .examples = 5};
  const capfilt_report report = capfilt(numbered_pairs{500}, fake_captioner{}, fake_matcher{}, o, folder / "a");
  CHECK((report.finished() && report.total == 500 && report.samples == 500));
  fake_captioner captioner;
  for (const text_source s : {text_source::web, text_source::synthetic}) {
    std::vector<capfilt_example> kept, dropped;
    std::array<std::uint64_t, 20> histogram{};
    std::uint64_t seen = 0, duplicate = 0;
    for (std::uint64_t i = 0; i < 500; ++i) {
      const image picture = numbered(i);
      const std::uint64_t streams[] = {2 * i, 2 * i + 1};
      std::vector<std::string> texts{"found " + std::to_string(i)};
      if (s == text_source::synthetic)
        texts = {captioner.caption({&picture, 1}, {streams, 1})[0],
                 captioner.caption({&picture, 1}, {streams + 1, 1})[0]};
      for (std::uint32_t n = 0; n < texts.size(); ++n) {
        ++seen;
        if (n == 1 && texts[1] == texts[0]) {
          ++duplicate;
          continue;
        }
        const auto p = static_cast<float>(fake_probability(picture, texts[n]));
        ++histogram[std::min<std::size_t>(19, static_cast<std::size_t>(p * 20))];
        (p >= 0.7f ? kept : dropped).push_back({i, n, "p/" + std::to_string(i), texts[n], p});
      }
    }
    const capfilt_texts& t = report.of(s);
    CHECK((t.seen == seen && t.duplicate == duplicate && t.empty == 0));
    CHECK((t.kept == kept.size() && t.dropped == dropped.size()));
    CHECK(t.histogram == histogram);
    CHECK(t.noise_ratio() == static_cast<double>(dropped.size()) / static_cast<double>(kept.size() + dropped.size()));
    for (auto* list : {&kept, &dropped}) {
      const auto& random = list == &kept ? t.random_kept : t.random_dropped;
      CHECK(random.size() == 5);
      for (const auto& e : random) CHECK(std::count(list->begin(), list->end(), e) == 1);
    }
    const auto surer = [](const auto& a, const auto& b) { return a.itm_probability > b.itm_probability; };
    std::stable_sort(kept.begin(), kept.end(), surer), std::stable_sort(dropped.rbegin(), dropped.rend(), surer);
    kept.resize(5), dropped.resize(5);
    CHECK(t.surest_kept == kept);
    CHECK(t.surest_dropped == dropped);
  }
}

TEST_CASE("capfilt: equal probabilities are told in the order of the samples", "[train][capfilt]") {
  const temporary_folder folder;
  const capfilt_report r =
      capfilt(numbered_pairs{50}, no_captioner{}, certain, {.texts = text_set::web, .examples = 3}, folder / "a");
  REQUIRE(r.web.surest_kept.size() == 3);
  for (std::uint64_t i = 0; i < 3; ++i) CHECK(r.web.surest_kept[i].sample == i);
  CHECK(r.web.histogram[19] == 50);
}

TEST_CASE("capfilt: random examples are as likely from everywhere, and others with another seed", "[train][capfilt]") {
  std::array<int, 4> quarters{};
  std::set<std::string> reports;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    capfilt_report r;
    for (std::uint64_t i = 0; i < 100; ++i)
      detail::count_judged(r, text_source::web, {i, 0, "p", "t", {}}, true, 10, seed);
    REQUIRE(r.web.random_kept.size() == 10);
    CHECK((r.web.surest_kept.empty() && r.web.random_dropped.empty()));
    for (const auto& e : r.web.random_kept) ++quarters[static_cast<std::size_t>(e.sample / 25)];
    reports.insert(to_json(r));
  }
  CHECK(reports.size() == 400);
  for (const int n : quarters) CHECK(std::abs(n - 1000) < 120);  // 4.5 standard deviations
}

TEST_CASE("capfilt: a report reads back as it was", "[train][capfilt]") {
  const temporary_folder all;
  const auto back = [](const capfilt_report& r) {
    simdjson::dom::parser parser;
    simdjson::dom::object top;
    REQUIRE(parser.parse(to_json(r)).get(top) == simdjson::SUCCESS);
    return detail::parse_capfilt_report("a", top);
  };
  const capfilt_report report = capfilt(numbered_pairs{50}, fake_captioner{}, fake_matcher{}, {}, all / "a");
  CHECK(back(report) == report);
  capfilt_report odd;
  odd.total = odd.web.histogram[3] = ~std::uint64_t{0};
  odd.skipped["\"a\\b\"\n"] = 3;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const float p = to_unit(dice(i, 1));
    odd.web.random_kept.push_back({i, 7, "a\"b", "c\td", i % 2 ? std::optional(p) : std::nullopt});
  }
  CHECK(back(odd) == odd);
}
