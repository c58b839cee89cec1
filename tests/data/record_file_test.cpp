// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "blip/data/captioned_record.hpp"
#include "blip/data/read_records.hpp"
#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

namespace {

std::string text_of(const error& e) { return e.what(); }

}  // namespace

TEST_CASE("record_file: lines are found whatever ends them, empty ones do not count") {
  const blip_test::temporary_folder folder;
  put(folder / "a", "{\"n\":1}\n\n  \r\n{\"n\":2}\r\n{\"n\":3}");
  const record_file f = record_file::lines(folder / "a");
  REQUIRE(f.size() == 3);
  CHECK(f.text(0) == "{\"n\":1}");
  CHECK(f.text(1) == "{\"n\":2}");
  CHECK(f.text(2) == "{\"n\":3}");
  CHECK(f.where(1) == (folder / "a") + ": line 4");
  CHECK_THROWS_AS(f.text(3), shape_error);
  put(folder / "empty", "");
  CHECK(record_file::lines(folder / "empty").size() == 0);
  CHECK_THROWS_AS(record_file::lines(folder / "missing"), io_error);
  CHECK_THROWS_AS(record_file::lines(folder.path.string()), io_error);
}

TEST_CASE("record_file: lines that cross the blocks it reads stay whole") {
  const blip_test::temporary_folder folder;
  std::string all;
  for (int i = 0; i < 3000; ++i) all += std::string(static_cast<std::size_t>(i % 1009), 'x') + std::to_string(i) + "\n";
  put(folder / "a", all);
  const record_file f = record_file::lines(folder / "a");
  REQUIRE(f.size() == 3000);
  for (int i = 0; i < 3000; ++i)
    REQUIRE(f.text(static_cast<std::uint64_t>(i)) ==
            std::string(static_cast<std::size_t>(i % 1009), 'x') + std::to_string(i));
}

TEST_CASE("record_file: a list gives its items as they are written") {
  const blip_test::temporary_folder folder;
  put(folder / "a", " [ {\"a\": [1, 2, {\"b\": \"]\"}]} , {\"a\": \"\\\"}\"},3 ] \n");
  const record_file f = record_file::list(folder / "a");
  REQUIRE(f.size() == 3);
  CHECK(f.text(0).substr(0, 27) == "{\"a\": [1, 2, {\"b\": \"]\"}]}");
  CHECK(f.text(1).substr(0, 13) == "{\"a\": \"\\\"}\"}");
  put(folder / "none", "[]");
  CHECK(record_file::list(folder / "none").size() == 0);
  put(folder / "marked", "\xef\xbb\xbf[{\"a\":1}]");
  CHECK(record_file::open(folder / "marked").size() == 1);
  put(folder / "marked lines", "\xef\xbb\xbf{\"a\":1}\n");
  CHECK(record_file::open(folder / "marked lines").text(0) == "{\"a\":1}");
}

TEST_CASE("record_file: a list that is cut off anywhere, or goes on behind its end, is a format_error") {
  const blip_test::temporary_folder folder;
  const std::string whole = "[{\"image\": \"0.jpg\", \"caption\": [\"a\", \"b\"]}, {\"image\": \"1.jpg\", \"caption\": \"c\"}]";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    put(folder / "cut", whole.substr(0, n));
    INFO(whole.substr(0, n));
    CHECK_THROWS_AS(record_file::list(folder / "cut"), format_error);
  }
  for (const char* text : {"[1][2]", "[1] 2", "{\"a\":1}", "7", "nul", "[1,]", "[1 2]", "]", "[\xff]"}) {
    put(folder / "wrong", text);
    INFO(text);
    CHECK_THROWS_AS(record_file::list(folder / "wrong"), format_error);
  }
}

TEST_CASE("record_file: a line of 10 MB costs that line only, and is not read") {
  const blip_test::temporary_folder folder;
  put(folder / "a", "{\"n\":1}\n{\"n\":\"" + std::string(10u << 20, 'x') + "\"}\n{\"n\":3}\n");
  const record_file f = record_file::lines(folder / "a");
  REQUIRE(f.size() == 3);
  CHECK_THROWS_AS(f.text(1), limit_error);
  CHECK(f.text(2) == "{\"n\":3}");
  limits wide;
  wide.json_string = 16u << 20;
  CHECK(record_file::lines(folder / "a", wide).text(1).size() > (10u << 20));
}

TEST_CASE("record_file: the limits hold to the byte") {
  const blip_test::temporary_folder folder;
  put(folder / "a", "[\"12345678\"]");
  limits bounds;
  bounds.json_bytes = 12;
  CHECK(record_file::list(folder / "a", bounds).size() == 1);
  bounds.json_bytes = 11;
  CHECK_THROWS_AS(record_file::list(folder / "a", bounds), limit_error);
  put(folder / "line", "12345678\n");
  bounds.json_string = 8;
  CHECK(record_file::lines(folder / "line", bounds).text(0).size() == 8);
  bounds.json_string = 7;
  CHECK_THROWS_AS(record_file::lines(folder / "line", bounds).text(0), limit_error);
}

TEST_CASE("json_record: fields come out, whatever else is there") {
  const json_record r(R"({"n": -5, "t": "ä\u00e4", "l": ["a", "b"], "x": [1, 2.5], "o": {"deep": [null, true]}})", "here");
  CHECK(r.whole("n") == -5);
  CHECK(r.id("n") == "-5");
  CHECK(r.id("t") == "ää");
  CHECK(r.texts("l") == std::vector<std::string>{"a", "b"});
  CHECK(r.texts("t") == std::vector<std::string>{"ää"});
  CHECK(r.numbers("x") == std::vector<double>{1, 2.5});
  CHECK(r.has("o"));
  CHECK_FALSE(r.has("p"));
}

TEST_CASE("json_record: what is missing, double or of another type is named") {
  const json_record r(R"({"n": 5, "t": "text", "e": [], "m": ["a", 3], "d": 1, "d": 2})", "pairs.jsonl: line 7");
  const auto fails = [&](auto f, const char* expected) {
    try {
      f();
      FAIL("nothing was thrown");
    } catch (const format_error& e) {
      CHECK(text_of(e).find("pairs.jsonl: line 7") == 0);
      CHECK(e.expected() == expected);
    }
  };
  fails([&] { r.text("q"); }, "the field \"q\"");
  fails([&] { r.text("n"); }, "\"n\" as text");
  fails([&] { r.whole("t"); }, "\"t\" as a whole number");
  fails([&] { r.texts("e"); }, "\"e\" with at least one text");
  fails([&] { r.texts("m"); }, "\"m\" as text");
  fails([&] { r.numbers("m"); }, "\"m\" as a list of numbers");
  fails([&] { r.whole("d"); }, "\"d\" once");
}

TEST_CASE("json_record: text that is no object is a format_error, one too deep a limit_error") {
  for (const char* text : {"", "{", "[1]", "3", "{\"a\":tru}", "{\"a\":1}}", "{'a':1}", "{\"a\":\"\xff\"}", "{\"a\" 1}",
                           "{\"a\":01}", "{\"a\":\"\\ud800\"}"}) {
    INFO(text);
    CHECK_THROWS_AS(json_record(text, "here"), format_error);
  }
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CHECK_NOTHROW(json_record(nested(60), "here"));
  CHECK_THROWS_AS(json_record(nested(65), "here"), limit_error);
  CHECK_THROWS_AS(json_record(nested(100'000), "here"), limit_error);
  const std::string large = "{\"a\":\"" + std::string(64u << 10, 'x') + "\"}";
  CHECK(json_record(large, "here").text("a").size() == 64u << 10);
  CHECK_THROWS_AS(json_record("{\"a\":\"" + std::string((64u << 10) + 1, 'x') + "\"}", "here").text("a"), limit_error);
  CHECK_THROWS_AS(json_record("{\"a\":\"" + std::string(2u << 20, 'x') + "\"}", "here"), limit_error);
}

TEST_CASE("read_records: broken records are left out and counted by cause, or throw") {
  const blip_test::temporary_folder folder;
  std::string all;
  for (int i = 0; i < 300; ++i) all += "{\"image\": \"a.jpg\", \"caption\": \"b\"}\n";
  put(folder / "a", all + "{\"image\": \"a.jpg\"}\n{\"image\": 3, \"caption\": \"b\"}\n{\"image\": \"a.j");
  skipped_samples skipped;
  CHECK(read_records(folder / "a", read_captioned, &skipped).size() == 300);
  CHECK(skipped.skipped() == 3);
  CHECK(skipped.asked() == 303);
  CHECK(skipped.causes().at("format, expected the field \"caption\"") == 1);
  CHECK(skipped.causes().at("format, expected \"image\" as text") == 1);
  CHECK(skipped.causes().at("format, expected a JSON object") == 1);
  CHECK_THROWS_AS(read_records(folder / "a", read_captioned), format_error);
  put(folder / "b", all + "1\n2\n3\n4\n");
  skipped_samples strict;
  CHECK_THROWS_AS(read_records(folder / "b", read_captioned, &strict), format_error);
}
