// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <locale>
#include <map>
#include <set>

#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "train/capfilt_fakes.hpp"

using namespace blip;
using namespace blip_test;

namespace {

std::vector<filtered_record> lines_of(const std::string& path) {
  const filtered_pairs pairs(path, [](const std::string&) { return image(); });
  std::vector<filtered_record> out;
  for (std::uint64_t i = 0; i < pairs.size(); ++i) out.push_back(pairs.record(i));
  return out;
}

// Output and report of a run, as text.
template <class Captioner, class Matcher>
std::pair<std::string, std::string> run(const any_pairs& source, Captioner captioner, Matcher matcher,
                                        const capfilt_options& o) {
  const temporary_folder folder;
  const capfilt_report report = capfilt(source, captioner, matcher, o, folder / "pairs.jsonl");
  return {get(folder / "pairs.jsonl"), to_json(report)};
}

}  // namespace

TEST_CASE("capfilt: texts that pass become lines, the picture's own first", "[train][capfilt]") {
  const auto matcher = judges{[](const image& p, const std::string& text) {
    return number_of(p) == 0 ? 0.9 : text[0] == 'f' ? 0.25 : number_of(p) == 1 ? 0.5 : 0.49999;
  }};
  const auto captioner = says{[](const image& p, std::uint64_t) { return "made " + std::to_string(number_of(p)); }};
  const auto [text, report] = run(numbered_pairs{3}, captioner, matcher, {});
  CHECK(text ==
        "{\"image\":\"p/0\",\"caption\":\"found 0\",\"source\":\"web\",\"itm_probability\":0.9}\n"
        "{\"image\":\"p/0\",\"caption\":\"made 0\",\"source\":\"synthetic\",\"itm_probability\":0.9}\n"
        "{\"image\":\"p/1\",\"caption\":\"made 1\",\"source\":\"synthetic\",\"itm_probability\":0.5}\n");
  CHECK(
      report.starts_with("{\"total\":3,\"samples\":3,\"lines\":3,\"skipped\":{},\"web\":{\"seen\":3,\"empty\":0,"
                         "\"duplicate\":0,\"kept\":1,\"dropped\":2,\"noise_ratio\":0.6666666666666666,"
                         "\"histogram\":[0,0,0,0,0,2,0,"));
}

TEST_CASE("capfilt: captioner and filter are on and off by themselves, and so is what goes to the output",
          "[train][capfilt]") {
  const temporary_folder folder;
  const numbered_pairs source{40};
  int made = 0, judged = 0;
  const auto counted = [&](auto& matcher) {
    return judges{[&](const image& p, const std::string& t) { return ++judged, matcher.match({&p, 1}, {&t, 1})[0]; }};
  };
  fake_matcher plain;
  fake_captioner captioner{.before_call = [&](std::size_t n) { made += static_cast<int>(n); }};
  const auto lines = [&](const capfilt_options& o) {
    std::filesystem::remove_all(folder.path), std::filesystem::create_directories(folder.path);
    made = judged = 0;
    const capfilt_report r = capfilt(source, captioner, counted(plain), o, folder / "pairs.jsonl");
    const auto found = lines_of(folder / "pairs.jsonl");
    CHECK(r.lines == found.size());
    return found;
  };
  const auto both = lines({});
  CHECK((made == 40 && judged == 80));
  CHECK((both.size() > 20 && both.size() < 60));
  for (const auto& l : both) CHECK(l.itm_probability >= 0.5f);

  const auto filter_alone = lines({.texts = text_set::web});
  CHECK((made == 0 && judged == 40));
  const auto captioner_alone = lines({.filter = false});
  CHECK((made == 40 && judged == 0));
  CHECK(captioner_alone.size() == 80);
  CHECK_FALSE(captioner_alone[0].itm_probability);
  const auto neither = lines({.texts = text_set::web, .filter = false});
  CHECK((made == 0 && judged == 0));
  REQUIRE(neither.size() == 40);
  for (std::size_t i = 0; i < 40; ++i) CHECK(neither[i].caption == "found " + std::to_string(i));

  const auto keeping = [&](text_set keep) { return lines({.keep = keep}); };
  const auto of = [&](text_source s) {
    std::vector<filtered_record> some;
    std::copy_if(both.begin(), both.end(), std::back_inserter(some), [&](const auto& l) { return l.source == s; });
    return some;
  };
  CHECK(keeping(text_set::both) == both);
  CHECK(keeping(text_set::web) == of(text_source::web));
  CHECK(keeping(text_set::web) == filter_alone);
  CHECK(keeping(text_set::synthetic) == of(text_source::synthetic));
  CHECK(keeping(text_set::none).empty());
  CHECK(std::filesystem::exists(folder / "pairs.jsonl"));
}

TEST_CASE("capfilt: batches, threads and pictures ahead do not show in output and report", "[train][capfilt]") {
  const numbered_pairs source{307, [](std::uint64_t i) { return i % 101 == 7; }};
  capfilt_options o{.captions = 2, .seed = 3, .batch = 1, .decode = {.threads = 0}, .most_skipped = 0.1};
  const auto alone = run(source, fake_captioner{}, fake_matcher{}, o);
  CHECK(alone.second.find("\"skipped\":{\"format, expected a header\":1,\"format, expected pixels\":2}") !=
        std::string::npos);
  for (const int batch : {2, 13, 306, 307, 1000})
    for (const int threads : {0, 1, 3}) {
      o.batch = batch, o.decode = {.threads = threads, .ahead = static_cast<std::size_t>(threads) * 5 + 1};
      o.save_every = batch % 3 + 1;
      CHECK(run(source, fake_captioner{}, fake_matcher{}, o) == alone);
    }
}

TEST_CASE("capfilt: captions that are empty or say the same again are counted and go nowhere", "[train][capfilt]") {
  const temporary_folder folder;
  const std::vector<std::string> texts{"", " \n\t", "found 0", " found 0 ", "new", "new", "new\n", "newer"};
  const auto captioner = says{[&](const image&, std::uint64_t stream) { return texts[stream]; }};
  std::vector<std::string> judged;
  const auto matcher = judges{[&](const image&, const std::string& t) { return judged.push_back(t), 1.0; }};
  const capfilt_report r = capfilt(numbered_pairs{1}, captioner, matcher, {.captions = 8}, folder / "a");
  CHECK(judged == std::vector<std::string>{"found 0", "new", "newer"});
  CHECK((r.synthetic.seen == 8 && r.synthetic.empty == 2 && r.synthetic.duplicate == 4 && r.synthetic.kept == 2));
  CHECK(lines_of(folder / "a").size() == 3);
  // Without the picture's own text there is nothing that "found 0" repeats; an empty text of the web is not judged
  // either.
  const capfilt_report alone =
      capfilt(numbered_pairs{1}, captioner, certain, {.texts = text_set::synthetic, .captions = 8}, folder / "b");
  CHECK((alone.synthetic.duplicate == 3 && alone.synthetic.kept == 3 && alone.web.seen == 0));
  struct silent {
    std::uint64_t size() const { return 1; }
    captioned_picture sample(std::uint64_t) const { return {image(1, 1), "  ", "a"}; }
  };
  const capfilt_report none = capfilt(silent{}, no_captioner{}, certain, {.texts = text_set::web}, folder / "c");
  CHECK((none.web.seen == 1 && none.web.empty == 1 && none.lines == 0));
}

TEST_CASE("capfilt: every caption has a stream of its own, the same in any batch", "[train][capfilt]") {
  std::map<std::uint64_t, int> streams;
  const auto captioner = says{[&](const image& p, std::uint64_t stream) {
    ++streams[stream];
    CHECK(stream / 3 == number_of(p));
    return std::to_string(stream);
  }};
  run(numbered_pairs{20}, captioner, certain, {.captions = 3, .batch = 6});
  CHECK(streams.size() == 60);
  for (const auto& [stream, times] : streams) CHECK((stream < 60 && times == 1));
}

TEST_CASE("capfilt: a matcher that takes indices sees each picture once and says the same", "[train][capfilt]") {
  struct indexed : fake_matcher {
    std::size_t* pictures;
    using fake_matcher::match;
    std::vector<double> match(std::span<const image> p, std::span<const std::string> texts, std::span<const int> of) {
      *pictures += p.size();
      std::vector<double> out;
      for (std::size_t i = 0; i < texts.size(); ++i)
        out.push_back(fake_probability(p[static_cast<std::size_t>(of[i])], texts[i]));
      return out;
    }
  };
  static_assert(indexed_matcher<indexed> && !indexed_matcher<fake_matcher>);
  std::size_t pictures = 0;
  indexed matcher;
  matcher.pictures = &pictures;
  const capfilt_options o{.captions = 3, .batch = 8};
  CHECK(run(numbered_pairs{50}, fake_captioner{}, matcher, o) ==
        run(numbered_pairs{50}, fake_captioner{}, fake_matcher{}, o));
  CHECK(pictures == 50);
}

TEST_CASE("capfilt: a plain matcher is never given more pictures than a batch has", "[train][capfilt]") {
  struct bounded : fake_matcher {
    std::vector<double> match(std::span<const image> pictures, std::span<const std::string> texts) const {
      CHECK((pictures.size() == texts.size() && pictures.size() <= 8));
      return fake_matcher::match(pictures, texts);
    }
  };
  run(numbered_pairs{50}, fake_captioner{}, bounded{}, {.captions = 3, .batch = 8});
}

TEST_CASE("capfilt: broken samples are counted by cause, too many of them end the run", "[train][capfilt]") {
  const temporary_folder folder;
  const auto all_broken = [](std::uint64_t i) { return i < 32; };  // a whole batch without a picture
  const capfilt_report r =
      capfilt(numbered_pairs{64, all_broken}, fake_captioner{}, fake_matcher{}, {.most_skipped = 0.5}, folder / "a");
  CHECK(r.skipped ==
        std::map<std::string, std::uint64_t>{{"format, expected a header", 16}, {"format, expected pixels", 16}});
  CHECK((r.samples == 64 && r.web.seen == 32 && r.synthetic.seen == 32 && r.all_skipped() == 32));
  CHECK_THROWS_WITH(capfilt(numbered_pairs{64, all_broken}, fake_captioner{}, fake_matcher{}, {}, folder / "b"),
                    Catch::Contains("at most 1 % of them, found 3 of 3") && Catch::Contains("the last one: picture 2"));
  CHECK_FALSE(std::filesystem::exists(folder / "b"));
  struct bug {
    std::uint64_t size() const { return 9; }
    captioned_picture sample(std::uint64_t) const { throw std::runtime_error("a bug"); }
  };
  CHECK_THROWS_WITH(capfilt(bug{}, fake_captioner{}, fake_matcher{}, {}, folder / "c"), "a bug");
}

TEST_CASE("capfilt: what the models give is checked", "[train][capfilt]") {
  const temporary_folder folder;
  int n = 0;
  const auto with = [&](auto captioner, auto matcher) {
    capfilt(numbered_pairs{20}, captioner, matcher, {.batch = 4}, folder / std::to_string(n++));
  };
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -1e-9, 1.0000001})
    CHECK_THROWS_AS(with(fake_captioner{},
                         judges{[&](const image& p, const std::string&) { return number_of(p) == 11 ? bad : 0.5; }}),
                    numeric_error);
  struct few {
    std::vector<std::string> caption(std::span<const image>, std::span<const std::uint64_t>) { return {"one"}; }
    std::vector<double> match(std::span<const image>, std::span<const std::string>) { return {1}; }
  };
  CHECK_THROWS_AS(with(few{}, fake_matcher{}), shape_error);
  CHECK_THROWS_AS(with(fake_captioner{}, few{}), shape_error);
  CHECK_THROWS_AS(with(says{[](const image&, std::uint64_t) { return std::string(70'000, 'a'); }}, fake_matcher{}),
                  limit_error);
}

TEST_CASE("capfilt: options out of range are named, and nothing is on disk then", "[train][capfilt]") {
  const temporary_folder folder;
  const auto with = [&](const capfilt_options& o) {
    capfilt(numbered_pairs{3}, fake_captioner{}, fake_matcher{}, o, folder / "a");
  };
  CHECK_THROWS_AS(with({.texts = text_set::none}), config_error);
  CHECK_THROWS_AS(with({.threshold = 1.5f}), config_error);
  CHECK_THROWS_AS(with({.threshold = std::nanf("")}), config_error);
  CHECK_THROWS_AS(with({.captions = 0}), config_error);
  CHECK_THROWS_AS(with({.facts = {{"seed", "1"}}}), config_error);
  CHECK_THROWS_AS(with({.batch = 0}), config_error);
  CHECK_THROWS_AS(with({.save_every = 0}), config_error);
  CHECK_THROWS_AS(with({.most_skipped = 2}), config_error);
  CHECK_THROWS_AS(with({.examples = 1001}), config_error);
  CHECK_THROWS_AS(capfilt(numbered_pairs{3}, no_captioner{}, fake_matcher{}, {}, folder / "a"), config_error);
  CHECK_THROWS_AS(capfilt(numbered_pairs{3}, fake_captioner{}, no_matcher{}, {}, folder / "a"), config_error);
  CHECK_THROWS_AS(capfilt(numbered_pairs{3}, fake_captioner{}, fake_matcher{}, {}, folder.path.string()), config_error);
  CHECK_THROWS_AS(capfilt(numbered_pairs{3}, fake_captioner{}, fake_matcher{}, {}, folder / "none/a"), io_error);
  CHECK(std::filesystem::is_empty(folder.path));
}

TEST_CASE("capfilt: no more pictures are in memory than a batch and what is decoded ahead", "[train][capfilt]") {
  struct counted {
    std::atomic<std::int64_t>* begun;
    std::uint64_t size() const { return 2000; }
    captioned_picture sample(std::uint64_t i) const { return ++*begun, captioned_picture{numbered(i), "a", "b"}; }
  };
  std::atomic<std::int64_t> begun = 0;
  std::int64_t seen = 0, most = 0;
  const fake_captioner captioner{.before_call = [&](std::size_t n) {
    most = std::max(most, begun - seen);
    seen += static_cast<std::int64_t>(n);
  }};
  run(counted{&begun}, captioner, fake_matcher{}, {.batch = 10, .decode = {.threads = 3, .ahead = 17}});
  CHECK(begun == 2000);
  CHECK(most <= 27);
}

TEST_CASE("capfilt: any text and any number stands in the output as JSON that reads back", "[train][capfilt]") {
  struct comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new comma));
  struct strange {
    std::uint64_t size() const { return 3000; }
    captioned_picture sample(std::uint64_t i) const {
      return {numbered(i), i == 0 ? "\"a\\\n\t\x01 \xff\xc3\xbc\x7f" : "b", i == 0 ? "\xfe\"/1" : "c"};
    }
  };
  const auto bits = [](const image& p) {  // floats of all magnitudes
    const float f = std::bit_cast<float>(dice(number_of(p), 3) & 0x3fffffffu);
    return number_of(p) == 1 ? 0.0 : number_of(p) == 2 ? 1.0 : f <= 1 ? static_cast<double>(f) : 0.3;
  };
  const temporary_folder folder;
  capfilt(strange{}, no_captioner{}, judges{[&](const image& p, const std::string&) { return bits(p); }},
          {.texts = text_set::web, .threshold = 0}, folder / "a");
  std::locale::global(before);
  const auto lines = lines_of(folder / "a");
  REQUIRE(lines.size() == 3000);
  CHECK(lines[0].caption == "\"a\\\n\t\x01 \xef\xbf\xbd\xc3\xbc\x7f");
  CHECK(lines[0].image == "\xef\xbf\xbd\"/1");
  for (std::uint64_t i = 0; i < 3000; ++i) CHECK(lines[i].itm_probability == static_cast<float>(bits(numbered(i))));
}

TEST_CASE("capfilt: a name that the caller gives stands for the picture's id", "[train][capfilt]") {
  const auto named = run(numbered_pairs{2}, no_captioner{}, certain,
                         {.texts = text_set::web, .name = [](std::uint64_t i) { return "file" + std::to_string(i); }});
  CHECK(named.first.starts_with("{\"image\":\"file0\","));
  CHECK(named.second.find("\"image\":\"file1\"") != std::string::npos);
}

TEST_CASE("capfilt: a source without samples gives an empty output", "[train][capfilt]") {
  const auto [text, report] = run(numbered_pairs{0}, fake_captioner{}, fake_matcher{}, {});
  CHECK(text.empty());
  CHECK(report.starts_with("{\"total\":0,\"samples\":0,\"lines\":0,\"skipped\":{},\"web\":{\"seen\":0,"));
}

TEST_CASE("capfilt: progress is told before the first batch and after each", "[train][capfilt]") {
  std::vector<std::uint64_t> told;
  run(numbered_pairs{10}, fake_captioner{}, fake_matcher{},
      {.batch = 4, .progress = [&](const capfilt_report& r) { told.push_back(r.samples); }});
  CHECK(told == std::vector<std::uint64_t>{0, 4, 8, 10});
}

TEST_CASE("capfilt: on a generated world a filter that knows the truth keeps it, and the output is a source of pairs",
          "[train][capfilt]") {
  struct first {
    scenes::pairs all;
    std::uint64_t size() const { return 200; }
    captioned_picture sample(std::uint64_t i) const { return all.sample(i); }
  };
  const scenes::pairs web(scenes::world(scenes::world_size::nano), scenes::split::web);
  const auto describe = [&](std::uint64_t i) { return human_caption(web.of(), web.part(), i).text; };
  std::map<std::vector<std::uint8_t>, std::uint64_t> places;
  for (std::uint64_t i = 0; i < 200; ++i) places[web.sample(i).picture.pixels] = i;
  // Every other caption made is that of another picture.
  const auto captioner = says{[&](const image&, std::uint64_t stream) { return describe(stream + stream % 2 * 400); }};
  const auto matcher = judges{[&](const image& p, const std::string& text) {
    const std::uint64_t i = places.at(p.pixels);
    return text == web.caption(i).text ? (web.caption(i).is_true ? 0.9 : 0.2) : text == describe(i) ? 0.8 : 0.1;
  }};
  const temporary_folder folder;
  const capfilt_report report = capfilt(first{web}, captioner, matcher, {}, folder / "pairs.jsonl");
  std::uint64_t is_true = 0;
  for (std::uint64_t i = 0; i < 200; ++i) is_true += web.caption(i).is_true;
  CHECK((report.web.kept == is_true && report.web.dropped == 200 - is_true));
  CHECK((report.synthetic.seen == 200 && report.synthetic.dropped <= 100 && report.synthetic.dropped > 90));
  const filtered_pairs kept(folder / "pairs.jsonl",
                            [](const std::string& name) { return scenes::named_picture(name).picture(); });
  REQUIRE(kept.size() == report.lines);
  for (std::uint64_t i = 0; i < kept.size(); ++i) {
    const captioned_picture s = kept.sample(i);
    const std::uint64_t from = places.at(s.picture.pixels);
    const bool found = kept.record(i).source == text_source::web;
    CHECK(s ==
          captioned_picture{web.sample(from).picture, found ? web.caption(from).text : describe(from), web.name(from)});
  }
}
