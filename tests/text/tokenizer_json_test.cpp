// SPDX-License-Identifier: Apache-2.0
#include "blip/text/tokenizer_json.hpp"

#include "blip/text/wordpiece.hpp"
#include "mutations.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::string good = R"({"version":"1.0","truncation":null,
 "added_tokens":[{"id":0,"content":"[PAD]","special":true},{"id":7,"content":"[DEC]","special":true}],
 "normalizer":{"type":"BertNormalizer","clean_text":true,
  "handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
 "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
  "vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"##s":6,"caf\u0065":5}}})";

std::string with(const std::string& from, const std::string& to) {
  const auto at = good.find(from);
  REQUIRE(at != good.npos);
  return std::string(good).replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("tokenizer.json: the vocabulary and its added tokens are read by id", "[text]") {
  const vocabulary v = parse_tokenizer_json(good);
  REQUIRE(v.size() == 8);
  CHECK(v.find("cafe") == 5);
  CHECK(v.find("[DEC]") == 7);
  const wordpiece t(v, {.added = {"[DEC]"}});
  CHECK(t.size() == 8);
  CHECK(t.encode("Caf\xc3\xa9s [DEC]") == std::vector<int>{2, 5, 6, 7, 3});
}

TEST_CASE("tokenizer.json: what an uncased BERT has not is refused", "[text]") {
  CHECK_THROWS_AS(parse_tokenizer_json(with("WordPiece", "BPE")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"lowercase\":true", "\"lowercase\":false")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"strip_accents\":null", "\"strip_accents\":false")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(with("BertNormalizer", "NFKC")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(with("prefix\":\"##\"", "prefix\":\"@@\"")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json("{}"), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(""), format_error);
}

TEST_CASE("tokenizer.json: ids are those from 0 on, each once", "[text]") {
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"##s\":6", "\"##s\":8")), format_error);  // 6 has no token
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"##s\":6", "\"##s\":5")), format_error);  // 5 twice
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"##s\":6", "\"##s\":-6")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"##s\":6", "\"##s\":18446744073709551615")), format_error);
  CHECK_THROWS_AS(parse_tokenizer_json(with("\"id\":7", "\"id\":4")), format_error);  // [MASK] is there
}

TEST_CASE("tokenizer.json: every prefix and 2,000 damaged copies are read or refused", "[text]") {
  CHECK(read_damaged(good, 2000, [](const std::string& bytes) { parse_tokenizer_json(bytes); }) > 1000);
}
