// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <utility>

#include "blip/image/decode_jpeg.hpp"
#include "blip/image/decode_png.hpp"
#include "blip/train/report/write_report.hpp"
#include "made_up_findings.hpp"
#include "page_checker.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;
using report::truth;

namespace {

std::size_t count(const std::string& in, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = in.find(what, at)) != in.npos; ++at) ++n;
  return n;
}

std::vector<std::byte> from_base64(std::string_view text) {
  const std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::byte> out;
  unsigned bits = 0, have = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(letters.find(c)), have += 6;
    if (have >= 8) have -= 8, out.push_back(static_cast<std::byte>(bits >> have & 255));
  }
  return out;
}

image checked(int height, int width) {
  image p(height, width);
  for (std::size_t i = 0; i < p.pixels.size(); ++i) p.pixels[i] = static_cast<std::uint8_t>(i * 37 % 251);
  return p;
}

const std::string hostile = "<script>alert('1')</script> & \"x\" onerror=y\x01\n\xff\xe2\x80\xae-->]]>";
const std::string tamed = "<script>alert('1')</script> & \"x\" onerror=y\ufffd \ufffd\ufffd-->]]>";

// Every text that findings hold, set to the same.
bootstrap_findings with_texts(bootstrap_findings f, const std::string& t) {
  const auto set = [&](report::judged_caption& c) { c.text = c.kind = t; };
  f.title = t;
  for (auto& s : f.samples)
    for (auto* c : {&s.human, &s.web, &s.synthetic})
      if (*c) set(**c);
  for (auto& r : f.noise) r.kind = r.meaning = t;
  for (auto& r : f.roc) r.name = t;
  for (auto& s : f.stages) {
    s.name = t;
    for (auto& l : s.losses) l.name = t;
    for (auto& r : s.references) r.name = t;
  }
  for (auto& r : f.retrieval) r.name = t;
  for (auto& c : f.captions) c.name = t;
  for (auto& e : f.decoding.examples) {
    for (auto& c : e.nucleus) set(c);
    for (auto& c : e.beam) set(c);
  }
  for (auto& w : f.words) {
    w.caption = t;
    for (auto& one : w.words) one.word = t;
  }
  for (auto& one : f.facts) one.name = one.value = t;
  for (auto& n : f.notes) n = t;
  return f;
}

}  // namespace

TEST_CASE("report: a full page is well-formed, holds every chapter, and fetches nothing") {
  const bootstrap_findings f = made_up_findings().all();
  const std::string page = report_page(f);
  const page_checker checked_page(page);
  CHECK(checked_page.fault == "");
  for (const report::chapter& c : report::chapters) CHECK(checked_page.ids.count(c.id) == 1);
  CHECK(checked_page.elements.count("section") == report::chapters.size());
  CHECK(checked_page.elements.count("script") == 0);
  CHECK(checked_page.elements.count("link") == 0);
  for (const std::string& s : checked_page.sources) CHECK(s.starts_with("data:image/png;base64,"));
  for (const std::string& l : checked_page.links) CHECK(checked_page.ids.count(l.substr(1)) == 1);
  CHECK(checked_page.sources.size() > f.samples.size());
  CHECK(count(page, "url(") + count(page, "@import") == 0);
  CHECK(count(page, "http") == 1 + checked_page.elements.count("svg") + 1);  // names of XML, and http-equiv
  CHECK(page.find("default-src 'none'") == page.npos);                       // quotes are entities in attributes
  CHECK(page.find("default-src &#39;none&#39;") != page.npos);
  CHECK(page.size() < 400'000);
}

TEST_CASE("report: any text of the findings is shown as text") {
  const std::string page = report_page(with_texts(made_up_findings().all(), hostile));
  const page_checker checked_page(page);
  CHECK(checked_page.fault == "");
  CHECK(checked_page.elements.count("script") == 0);
  CHECK(count(checked_page.text, tamed) > 100);
  CHECK(page.find("\u202e") == page.npos);
}

TEST_CASE("report: texts keep what can be read of them") {
  const auto shown = [](std::string_view t, std::size_t bound = 2000) {
    std::string out;
    report::append_shown(out, t, bound);
    return out;
  };
  CHECK(shown("a ring, \u00e9t\u00e9 \u2713 \U0001f600") == "a ring, \u00e9t\u00e9 \u2713 \U0001f600");
  CHECK(shown("a&b<c>d\"e'f") == "a&amp;b&lt;c&gt;d&quot;e&#39;f");
  CHECK(shown("a\tb\r\nc\u2028d\u0085") == "a b  c d ");
  CHECK(shown(std::string_view("\0\x1b\x7f\xc2\x80", 5)) == "\ufffd\ufffd\ufffd\ufffd");
  CHECK(shown("\u200f\u202e\u2066\ufeff\ufdd0\U0001ffff") == "\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd");
  CHECK(shown("\xc0\xaf") == "\ufffd\ufffd");                      // overlong
  CHECK(shown("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");            // a surrogate
  CHECK(shown("\xe2\x82") == "\ufffd\ufffd");                      // cut off
  CHECK(shown("\xe2\x82<") == "\ufffd\ufffd&lt;");                 // what follows survives
  CHECK(shown("\xf4\x90\x80\x80") == "\ufffd\ufffd\ufffd\ufffd");  // beyond Unicode
  CHECK(shown("\u00e9\u00e9\u00e9", 2) == "\u00e9\u00e9\u2026");
  CHECK(shown("abc", 3) == "abc");
}

TEST_CASE("report: what is absent is left out") {
  const page_checker empty(report_page({}));
  CHECK(empty.fault == "");
  CHECK(empty.elements.count("section") + empty.elements.count("nav") + empty.elements.count("svg") == 0);
  const bootstrap_findings all = made_up_findings().all();
  const std::vector<std::pair<std::string, std::function<void(bootstrap_findings&)>>> parts{
      {"cleaning", [&](auto& f) { f.counts.web = all.counts.web; }},
      {"lies", [&](auto& f) { f.noise = all.noise; }},
      {"scores", [&](auto& f) { f.roc = all.roc; }},
      {"scores", [&](auto& f) { f.probabilities = all.probabilities; }},
      {"cases",
       [&](auto& f) {
         f.samples = {{}, {.web = report::judged_caption{"a ring"}}};
       }},
      {"captions", [&](auto& f) { f.captions = all.captions; }},
      {"retrieval", [&](auto& f) { f.retrieval = all.retrieval; }},
      {"decoding", [&](auto& f) { f.decoding.beam = report::decoding_numbers{}; }},
      {"decoding", [&](auto& f) { f.decoding.examples = all.decoding.examples; }},
      {"words",
       [&](auto& f) {
         f.words = {{.caption = "a ring", .words = {{"a", {}}}}};
       }},
      {"training",
       [&](auto& f) {
         f.stages = {{"stage"}, all.stages[1]};
       }},
      {"run", [&](auto& f) { f.facts = all.facts; }},
      {"notes", [&](auto& f) { f.notes = all.notes; }}};
  for (const auto& [id, set] : parts) {
    bootstrap_findings f;
    set(f);
    const page_checker one(report_page(f));
    INFO(id);
    CHECK(one.fault == "");
    CHECK(one.elements.count("section") == 1);
    CHECK(one.ids.count(id) == 1);
  }
}

TEST_CASE("report: the first sentence says what is known") {
  bootstrap_findings f;
  const auto first = [&] { return report::headline(f); };
  CHECK(first() == std::vector<std::string>{"blip bootstrap"});
  f.counts.web = report::tally{1000, {}}, f.counts.kept_web = report::tally{440, {}};
  CHECK(first() == std::vector<std::string>{"The filter kept 44\u00a0% of what the web said."});
  f.counts.whole_before = report::tally{2000, 600}, f.counts.whole_after = report::tally{1000, 100};
  CHECK(first() == std::vector<std::string>{"30\u00a0% of all captions were false.", "After the cleaning, 10\u00a0%."});
  f.counts.web->wrong = 418, f.counts.kept_web->wrong = 24;
  CHECK(first() ==
        std::vector<std::string>{"The web lied in 42\u00a0% of its captions.", "After the filter, 5.5\u00a0%."});
  f.counts.kept_web = report::tally{0, 0};
  CHECK(first() == std::vector<std::string>{"The web lied in 42\u00a0% of its captions."});
}

TEST_CASE("report: the strip shows lies that were caught, those first that were mended") {
  bootstrap_findings f;
  const auto add = [&](truth is, std::optional<bool> kept, truth model) {
    f.samples.push_back(
        {image(2, 2), {}, report::judged_caption{"web", is, {}, kept}, report::judged_caption{"model", model}});
  };
  add(truth::wrong, false, truth::wrong), add(truth::right, false, truth::right), add(truth::wrong, true, truth::right);
  add(truth::wrong, {}, truth::right), add(truth::wrong, false, truth::right);
  const auto lies = report::caught_lies(f);
  REQUIRE(lies.size() == 2);
  CHECK(lies[0] == &f.samples[4]);
  CHECK(lies[1] == &f.samples[0]);
  CHECK(report::caught_lies(f, 1).size() == 1);
}

TEST_CASE("report: a caption says its truth, its fate, and whether that was a mistake") {
  const auto shown = [](const report::judged_caption& c) {
    report::markup m;
    report::caption_element(m, c);
    return m.take();
  };
  CHECK(shown({"a ring"}) == "<bdi>a ring</bdi>");
  CHECK(count(shown({"a ring", truth::wrong, 0.2, false, "colour"}), "<del><bdi>a ring</bdi></del>") == 1);
  CHECK(count(shown({"a ring", truth::wrong, 0.2, false, "colour"}), "\u2717\u00a0false (colour)") == 1);
  CHECK(count(shown({"a ring", truth::wrong, 0.93, true}), "match 0.93, kept: the filter missed it") == 1);
  CHECK(count(shown({"a ring", truth::right, 0.1, false}), "thrown out: a true one lost") == 1);
  CHECK(count(shown({"a ring", truth::vague, {}, true}), "missed") == 0);
}

TEST_CASE("report: small pictures are there with every pixel, large ones shrunk") {
  const auto source = [](const image& p) {
    report::markup m;
    report::picture_element(m, p, "it's");
    const page_checker one("<!DOCTYPE html>\n" + m.take());
    CHECK(one.fault == "");
    return one.sources.empty() ? std::string() : one.sources[0];
  };
  for (const auto& [height, width] : {std::pair{1, 1}, {3, 5}, {32, 32}, {96, 7}}) {
    const std::string s = source(checked(height, width));
    REQUIRE(s.starts_with("data:image/png;base64,"));
    CHECK(decode_png(from_base64(s.substr(22))) == checked(height, width));
  }
  const std::string s = source(checked(601, 1203));
  REQUIRE(s.starts_with("data:image/jpeg;base64,"));
  const image small = decode_jpeg(from_base64(s.substr(23)));
  CHECK(std::pair(small.height, small.width) == std::pair(119, 240));
  CHECK(source(checked(97, 97)).starts_with("data:image/jpeg"));
  CHECK(source(image()).empty());
  image broken(2, 2);
  broken.height = 3;
  report::markup m;
  CHECK_THROWS_AS(report::picture_element(m, broken, ""), shape_error);
}

TEST_CASE("report: long curves and many large pictures stay within megabytes") {
  bootstrap_findings f;
  report::series s{"itc", {}};
  for (int i = 0; i < 200'000; ++i) s.points.push_back({i * 1.0, 1.0 / (1 + i)});
  f.stages = {{"long", {s, s, s}, {}, true}};
  CHECK(report_page(f).size() < 60'000);
  for (int i = 0; i < 30; ++i) f.samples.push_back({checked(480, 640), {}, {}, {}});
  CHECK(report_page(f).size() < 2'500'000);
  f.samples.clear(), f.notes = {std::string(1'000'000, 'x')};
  CHECK(report_page(f).size() < 62'000);
}

TEST_CASE("report: equal findings give equal bytes, and the file is the page") {
  const temporary_folder folder;
  const std::string page = report_page(made_up_findings().all());
  CHECK(page == report_page(made_up_findings().all()));
  write_report(made_up_findings().all(), folder / "report.html");
  CHECK(get(folder / "report.html") == page);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("report: findings that contradict themselves are refused, and nothing is written") {
  const temporary_folder folder;
  const bootstrap_findings all = made_up_findings().all();
  const auto refused = [&]<class E>(std::in_place_type_t<E>, const std::function<void(bootstrap_findings&)>& spoil) {
    bootstrap_findings f = all;
    spoil(f);
    CHECK_THROWS_AS(write_report(f, folder / "report.html"), E);
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr std::in_place_type_t<numeric_error> numeric;
  constexpr std::in_place_type_t<config_error> config;
  refused(numeric, [&](auto& f) { f.samples[3].web->probability = nan; });
  refused(numeric, [&](auto& f) { f.captions[0].after = 42; });
  refused(numeric, [&](auto& f) { f.retrieval[1].before.image_to_text[2] = -0.1; });
  refused(numeric, [&](auto& f) { f.roc[0].points[5].y = nan; });
  refused(numeric, [&](auto& f) { f.threshold = 1.5; });
  refused(numeric, [&](auto& f) { f.decoding.beam->words = nan; });
  refused(config, [&](auto& f) { f.noise[0].captions = std::numeric_limits<std::int64_t>::max(); });
  refused(config, [&](auto& f) { f.noise[0].kept = f.noise[0].captions + 1; });
  refused(config, [&](auto& f) { f.counts.web->wrong = f.counts.web->captions + 1; });
  refused(config, [&](auto& f) { f.counts.kept_synthetic->captions = 30'000; });
  refused(config, [&](auto& f) { f.probabilities->wrong[0] = -1; });
  refused(std::in_place_type<shape_error>, [&](auto& f) { f.samples[0].picture.pixels.pop_back(); });
  CHECK(std::filesystem::is_empty(folder.path));
  CHECK_THROWS_AS(write_report(all, folder / "missing/report.html"), io_error);
}
