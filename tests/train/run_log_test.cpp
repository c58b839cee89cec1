// SPDX-License-Identifier: Apache-2.0
#include "blip/train/run_log.hpp"

#include <clocale>
#include <cmath>
#include <locale>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

namespace {

void steps(run_log& log, std::int64_t from, std::int64_t to) {
  for (auto s = from; s <= to; ++s) {
    const named_number n[] = {{"loss", static_cast<double>(s) / 4}};
    log.write(s, n);
  }
}
long lines(const std::string& path) {
  const std::string text = get(path);
  return std::count(text.begin(), text.end(), '\n');
}
long entries(const std::string& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("run_log: one object a line, members in order", "[train]") {
  const temporary_folder run;
  run_log log(run / "log.jsonl");
  const named_number n[] = {{"zeta", 0.1}, {"alpha", -3}, {"rate", 1e-300}, {"third", 1.0 / 3}};
  const named_text t[] = {{"note", "done"}};
  log.write(7, n, t);
  log.write(8, {});
  CHECK(get(log.path()) ==
        "{\"step\":7,\"zeta\":0.1,\"alpha\":-3,\"rate\":1e-300,\"third\":0.3333333333333333,\"note\":\"done\"}\n"
        "{\"step\":8}\n");
  const named_number again[] = {{"step", 1}};
  CHECK_THROWS_AS(log.write(9, again), config_error);
  CHECK(lines(log.path()) == 2);
}

TEST_CASE("run_log: numbers that JSON does not know are null", "[train]") {
  const temporary_folder run;
  run_log log(run / "log.jsonl");
  const double infinite = std::numeric_limits<double>::infinity();
  const named_number n[] = {{"a", std::nan("")}, {"b", infinite}, {"c", -infinite}};
  log.write(1, n);
  CHECK(get(log.path()) == "{\"step\":1,\"a\":null,\"b\":null,\"c\":null}\n");
}

TEST_CASE("run_log: every number reads back with its bits", "[train]") {
  std::vector<double> values{0, 1e14, 1e15, -1e15, 1e20, 1e22, 9007199254740992e0, 5e-324, 1.7976931348623157e308};
  std::uint64_t bits = 1;
  for (int i = 0; i < 2000; ++i) {
    bits = bits * 6364136223846793005u + 1442695040888963407u;
    values.push_back(std::bit_cast<double>(bits));
  }
  simdjson::dom::parser parser;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    std::string text = "{\"v\":";
    detail::append_json_number(text, v);
    double read = 0;
    REQUIRE(parser.parse(text + "}")["v"].get(read) == simdjson::SUCCESS);
    REQUIRE(std::bit_cast<std::uint64_t>(read) == std::bit_cast<std::uint64_t>(v));
  }
}

TEST_CASE("run_log: any text becomes JSON", "[train]") {
  const temporary_folder run;
  const auto written = [&](std::string_view text) {
    std::filesystem::remove(run / "log.jsonl");
    run_log log(run / "log.jsonl");
    const named_text t[] = {{"t", text}};
    log.write(1, {}, t);
    std::string line = get(log.path());
    CHECK(line.find('\n') == line.size() - 1);
    simdjson::dom::parser parser;
    std::string_view read;
    REQUIRE(parser.parse(line)["t"].get(read) == simdjson::SUCCESS);
    return std::string(read);
  };
  std::string ascii;
  for (char c = 0; c < 127; ++c) ascii += c;
  for (const std::string& text :
       {std::string("\"\\/\n\r\t\x7f"), ascii, std::string("Gr\xc3\xbc\xc3\x9f\x65 \xf0\x9f\x98\x80")})
    CHECK(written(text) == text);
  const std::string unknown = "\xef\xbf\xbd";
  CHECK(written("a\xff\xc3") == "a" + unknown + unknown);
  CHECK(written("\xc3\xbc\x80z") == "\xc3\xbc" + unknown + "z");
  CHECK(written("\xed\xa0\x80") == unknown + unknown + unknown);  // half a surrogate pair
  CHECK(written("\xf0\x9f\x98") == unknown + unknown + unknown);
}

TEST_CASE("run_log: the locale does not matter", "[train]") {
  struct comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new comma));
  const temporary_folder run;
  run_log log(run / "log.jsonl");
  const named_number n[] = {{"a", 1234567.5}};
  log.write(1234567, n);
  std::locale::global(before);
  CHECK(get(log.path()) == "{\"step\":1234567,\"a\":1234567.5}\n");
}

TEST_CASE("run_log: going on drops the lines of later steps", "[train]") {
  const temporary_folder run;
  const std::string path = run / "log.jsonl";
  {
    run_log log(path);
    steps(log, 1, 40'000);  // more than is read at once
  }
  const std::string all = get(path);
  {
    run_log log(path, 29'999);
    CHECK(log.unreadable() == 0);
    CHECK(lines(path) == 29'999);
    CHECK(all.starts_with(get(path)));
    steps(log, 30'000, 40'000);
  }
  CHECK(get(path) == all);
  const run_log untouched(path);
  CHECK(get(path) == all);
  const run_log from_the_start(path, 0);
  CHECK(get(path).empty());
  CHECK(entries(run.path.string()) == 1);
}

TEST_CASE("run_log: half a line, and what is no object, is dropped and counted", "[train]") {
  const temporary_folder run;
  const std::string path = run / "log.jsonl", whole = "{\"step\":1}\n{\"note\":\"no step\"}\n{\"step\":2,\"a\":0.5}\n";
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    put(path, whole.substr(0, n));
    const auto kept = whole.substr(0, n).find_last_of('\n');
    const run_log log(path);
    CHECK(get(path) == whole.substr(0, kept == std::string::npos ? 0 : kept + 1));
    CHECK(log.unreadable() == (n > 0 && whole[n - 1] != '\n'));
  }
  put(path, "{\"step\":1}\n" + std::string(4096, '\0') + "\n[1]\n{\"step\":\n{\"step\":2,\"a\":0.5}\n");
  CHECK(run_log(path).unreadable() == 3);
  CHECK(get(path) == "{\"step\":1}\n{\"step\":2,\"a\":0.5}\n");
  limits tight;
  tight.json_string = 12;
  CHECK(run_log(path, 9, tight).unreadable() == 1);
  CHECK(get(path) == "{\"step\":1}\n");
}
