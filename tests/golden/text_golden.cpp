// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "blip/text/cleaning.hpp"
#include "blip/text/wordpiece.hpp"
#include "text_lines.hpp"

using namespace blip;
using namespace golden;

namespace {

using ids = std::vector<int>;

vocabulary bert() { return load_vocabulary(std::string(BLIP_GOLDEN_DIR) + "/tokenizer/vocab.txt"); }

// The rows of a padded batch, without the padding.
std::vector<ids> unpadded(simdjson::dom::element line) {
  std::vector<ids> rows;
  auto mask = simdjson::dom::array(line["mask"]).begin();
  for (const auto row : simdjson::dom::array(line["ids"])) {
    const ids all = ints(row), used = ints(*mask);
    ids kept;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (used[i]) kept.push_back(all[i]);
    rows.push_back(kept);
    ++mask;
  }
  return rows;
}

void check_batches(const wordpiece& t, const std::string& file) {
  each_line(file, [&](simdjson::dom::element line) {
    const bool truncates = line["truncation"].get_bool();
    const int longest = truncates ? static_cast<int>(line["max_length"].get_int64().value()) : 0;
    CHECK(t.encode_batch(texts(line["texts"]), longest) == unpadded(line));
  });
}

}  // namespace

TEST_CASE("tokenizer: texts become the ids of the published tokenizer", "[golden][text]") {
  if (!has_case("tokenizer/encode/texts.jsonl")) return;
  const wordpiece plain(bert()), albef = albef_tokenizer(bert()), blip_one = blip_tokenizer(bert());
  CHECK(plain.size() == 30522);
  each_line("tokenizer/encode/texts.jsonl", [&](simdjson::dom::element line) {
    const std::string text = text_at(line, "text");
    ids expected = ints(line["ids"]);
    CHECK(plain.encode(text) == expected);
    const bool names_added = text.find("[DEC]") != text.npos || text.find("[ENC]") != text.npos;
    if (!names_added) CHECK(blip_one.encode(text) == expected);
    expected.pop_back();
    CHECK(albef.encode(text) == expected);
    CHECK(plain.open(text) == expected);
  });
}

TEST_CASE("tokenizer: where the published ones differ, the slow one is followed", "[golden][text]") {
  if (!has_case("tokenizer/differences/texts.jsonl")) return;
  const wordpiece plain(bert());
  each_line("tokenizer/differences/texts.jsonl",
            [&](simdjson::dom::element line) { CHECK(plain.encode(text_at(line, "text")) == ints(line["slow"])); });
}

TEST_CASE("tokenizer: [DEC] and [ENC] are appended", "[golden][text]") {
  if (!has_case("tokenizer/special-tokens/texts.jsonl")) return;
  const wordpiece t = blip_tokenizer(bert());
  CHECK(t.size() == 30524);
  CHECK(t.id("[DEC]") == 30522);
  CHECK(t.id("[ENC]") == 30523);
  each_line("tokenizer/special-tokens/texts.jsonl",
            [&](simdjson::dom::element line) { CHECK(t.encode(text_at(line, "text")) == ints(line["ids"])); });
  each_line("tokenizer/special-tokens/decode.jsonl", [&](simdjson::dom::element line) {
    CHECK(t.decode(ints(line["ids"])) == text_at(line, "text_skip"));
    CHECK(t.decode(ints(line["ids"]), {.skip_special = false}) == text_at(line, "text_keep"));
  });
}

TEST_CASE("tokenizer: batches are cut to the longest length, and nothing is padded", "[golden][text]") {
  if (!has_case("tokenizer/padding/batches.jsonl")) return;
  check_batches(wordpiece(bert()), "tokenizer/padding/batches.jsonl");
}

TEST_CASE("tokenizer: ALBEF's has no [SEP], but for the one written out", "[golden][text]") {
  if (!has_case("tokenizer/albef/texts.jsonl")) return;
  const wordpiece t = albef_tokenizer(bert());
  each_line("tokenizer/albef/texts.jsonl",
            [&](simdjson::dom::element line) { CHECK(t.encode(text_at(line, "text")) == ints(line["ids"])); });
  if (has_case("tokenizer/albef-padding/batches.jsonl")) check_batches(t, "tokenizer/albef-padding/batches.jsonl");
}

TEST_CASE("tokenizer: ids become the texts of the published tokenizer", "[golden][text]") {
  if (!has_case("tokenizer/decode/ids.jsonl")) return;
  const wordpiece t(bert());
  each_line("tokenizer/decode/ids.jsonl", [&](simdjson::dom::element line) {
    const ids from = ints(line["ids"]);
    for (const bool skip : {true, false})
      for (const bool clean : {true, false}) {
        const std::string key = std::string(skip ? "skip" : "keep") + (clean ? "_clean" : "_raw");
        CHECK(t.decode(from, {.skip_special = skip, .clean_up = clean}) == text_at(line, key.c_str()));
      }
  });
}

TEST_CASE("text cleaning: captions and questions equal those of the published code", "[golden][text]") {
  const std::string file = "text-cleaning/captions-and-questions/texts.jsonl";
  if (!has_case(file)) return;
  each_line(file, [&](simdjson::dom::element line) {
    const std::string text = text_at(line, "text");
    const int words = static_cast<int>(line["words"].get_int64().value());
    CHECK(clean_caption(cleaning::albef, text) == text_at(line, "albef_caption_30"));
    CHECK(clean_caption(cleaning::albef, text, words) == text_at(line, "albef_caption"));
    CHECK(clean_caption(cleaning::blip, text) == text_at(line, "blip_caption_30"));
    CHECK(clean_caption(cleaning::blip, text, 50) == text_at(line, "blip_caption_50"));
    CHECK(clean_caption(cleaning::blip, text, words) == text_at(line, "blip_caption"));
    CHECK(clean_question(cleaning::albef, text, 30) == text_at(line, "albef_question_30"));
    CHECK(clean_question(cleaning::albef, text) == text_at(line, "albef_question_50"));
    CHECK(clean_question(cleaning::albef, text, words) == text_at(line, "albef_question"));
    CHECK(clean_question(cleaning::blip, text) == text_at(line, "blip_question_50"));
    CHECK(clean_question(cleaning::blip, text, words) == text_at(line, "blip_question"));
  });
}
