// SPDX-License-Identifier: Apache-2.0
#include "blip/text/vocabulary.hpp"

#include <filesystem>
#include <fstream>

#include "mutations.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::string small_file = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\n\xc3\xa9t\xc3\xa9\n\xe6\x97\xa5\n";

}  // namespace

TEST_CASE("vocabulary: the line number is the id", "[text]") {
  const vocabulary v = parse_vocabulary(small_file);
  REQUIRE(v.size() == 9);
  for (int id = 0; id < v.size(); ++id) CHECK(v.find(v.token(id)) == id);
  CHECK(v.find("##s") == 6);
  CHECK(v.find("s") == -1);
  CHECK(v.find("") == -1);
  CHECK(v.longest() == 6);
}

TEST_CASE("vocabulary: CR LF and a last line without an end read the same", "[text]") {
  CHECK(parse_vocabulary("a\r\nb\r\n").token(1) == "b");
  CHECK(parse_vocabulary("a\nb").size() == 2);
}

TEST_CASE("vocabulary: a duplicate, an empty line and what is not UTF-8 are named with file and token", "[text]") {
  try {
    parse_vocabulary("a\nb\na\n", "v.txt");
    FAIL("read");
  } catch (const format_error& e) {
    CHECK(e.where() == "v.txt: token 2");
    CHECK(e.actual() == "token 0 again");
  }
  CHECK_THROWS_AS(parse_vocabulary("a\n\nb\n"), format_error);
  CHECK_THROWS_AS(parse_vocabulary(""), format_error);
  CHECK_THROWS_AS(parse_vocabulary("a\n\xff\n"), format_error);
  CHECK_THROWS_AS(parse_vocabulary("a\n\xed\xa0\x80\n"), format_error);  // a surrogate
}

TEST_CASE("vocabulary: one more than a limit is refused, the limit itself is not", "[text]") {
  limits tight;
  tight.name_bytes = 3, tight.tensors = 2, tight.header_bytes = 8;
  CHECK(parse_vocabulary("abc\ndef\n", "v", tight).size() == 2);
  CHECK_THROWS_AS(parse_vocabulary("abcd\n", "v", tight), limit_error);
  CHECK_THROWS_AS(parse_vocabulary("a\nb\nc\n", "v", tight), limit_error);
  CHECK_THROWS_AS(parse_vocabulary("abc\ndef\n\n", "v", tight), limit_error);
}

TEST_CASE("vocabulary: files are read, and refused by type", "[text]") {
  const auto path = std::filesystem::temp_directory_path() / "blip_vocabulary_test.txt";
  std::ofstream(path, std::ios::binary) << small_file;
  CHECK(load_vocabulary(path.string()).size() == 9);
  limits tight;
  tight.header_bytes = small_file.size() - 1;
  CHECK_THROWS_AS(load_vocabulary(path.string(), tight), limit_error);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(load_vocabulary(path.string()), io_error);
  CHECK_THROWS_AS(load_vocabulary(std::filesystem::temp_directory_path().string()), io_error);
}

TEST_CASE("vocabulary: every prefix and 2,000 damaged copies are read or refused", "[text]") {
  const int refused = read_damaged(small_file, 2000, [](const std::string& bytes) {
    const vocabulary v = parse_vocabulary(bytes);
    for (int id = 0; id < v.size(); ++id) REQUIRE(v.find(v.token(id)) == id);
  });
  CHECK(refused > 300);
  CHECK(refused < 2000);
}
