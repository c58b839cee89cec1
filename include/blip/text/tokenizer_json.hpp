// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/text/vocabulary.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Takes a vocabulary out of the text of a tokenizer.json.
class tokenizer_json_reader {
 public:
  tokenizer_json_reader(const std::string& where, const limits& bounds) : where_(where), bounds_(bounds) {}

  [[gnu::cold]] vocabulary read(const std::string& text) {
    simdjson::dom::parser parser;
    if (parser.allocate(text.size() + 1, static_cast<std::size_t>(bounds_.json_depth)))
      fail("memory for the text", "none");
    simdjson::dom::object all, model, words;
    if (const auto e = parser.parse(text).get(all)) fail("a JSON object", simdjson::error_message(e));
    if (all["model"].get(model)) fail("an object model", "none");
    require_text(model["type"], "model.type", "WordPiece");
    if (model["continuing_subword_prefix"].error() == simdjson::SUCCESS)
      require_text(model["continuing_subword_prefix"], "model.continuing_subword_prefix", "##");
    require_normalizer(all["normalizer"]);
    if (model["vocab"].get(words)) fail("an object model.vocab", "none");
    simdjson::dom::array added;
    const bool has_added = all["added_tokens"].get(added) == simdjson::SUCCESS;
    most_ = words.size() + (has_added ? added.size() : 0);
    require_within(where_, "tokens", most_, bounds_.tensors);
    for (auto [key, value] : words) place(key, std::move(value), false);
    if (has_added)
      for (const auto token : added) {
        std::string_view content;
        if (token["content"].get(content)) fail("a text content in added_tokens", "something else");
        place(content, token["id"], true);
      }
    vocabulary v;
    for (const std::string& t : tokens_) v.add(t, where_, bounds_);  // an id without a token is an empty one
    if (v.size() == 0) fail("tokens", "none");
    return v;
  }

 private:
  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found) const {
    throw format_error({where_ + ": not a tokenizer.json of an uncased BERT", one_line(expected), found, {}});
  }
  void require_text(simdjson::simdjson_result<simdjson::dom::element> value, const char* name,
                    std::string_view expected) const {
    std::string_view text;
    if (value.get(text) || text != expected)
      fail(std::string(name) + " \"" + std::string(expected) + "\"", "something else");
  }
  // BERT's normalizer with its usual switches, which bert_words follows: all on (null means on).
  [[gnu::cold]] void require_normalizer(simdjson::simdjson_result<simdjson::dom::element> value) const {
    simdjson::dom::object normalizer;
    if (value.get(normalizer)) fail("an object normalizer", "none");
    require_text(normalizer["type"], "normalizer.type", "BertNormalizer");
    for (const char* name : {"clean_text", "handle_chinese_chars", "lowercase", "strip_accents"}) {
      bool on = true;
      const auto e = normalizer[name].get(on);
      if ((e && e != simdjson::NO_SUCH_FIELD && !normalizer[name].is_null()) || !on)
        fail(std::string("normalizer.") + name + " true", "something else");
    }
  }
  [[gnu::cold]] void place(std::string_view token, simdjson::simdjson_result<simdjson::dom::element> value,
                           bool may_repeat) {
    std::uint64_t id = 0;
    if (value.get(id)) fail("an id of \"" + std::string(token) + "\"", "something else");
    if (id >= most_) fail("ids from 0 on without holes", "id " + std::to_string(id) + " of " + std::to_string(most_));
    if (id >= tokens_.size()) tokens_.resize(static_cast<std::size_t>(id) + 1);
    std::string& at = tokens_[static_cast<std::size_t>(id)];
    if (!at.empty() && !(may_repeat && at == token)) fail("every id once", "id " + std::to_string(id) + " again");
    at = token;
  }

  std::string where_;
  limits bounds_;
  std::size_t most_ = 0;  // tokens that the file names
  std::vector<std::string> tokens_;
};

}  // namespace detail

// The vocabulary of a tokenizer.json of Hugging Face, its added tokens included: model.type WordPiece, a BertNormalizer
// with every switch on, ids from 0 on without holes. The file's other parts (post-processor, decoder) are what
// `wordpiece` does. Needs simdjson (component `data`). Throws format_error, limit_error. Source:
// huggingface.co/docs/tokenizers, WordPiece and BertNormalizer.
inline vocabulary parse_tokenizer_json(const std::string& text, const std::string& where = "tokenizer.json",
                                       const limits& bounds = {}) {
  require_within(where, "bytes", text.size(), bounds.header_bytes);
  return detail::tokenizer_json_reader(where, bounds).read(text);
}

// Reads a tokenizer.json. Throws io_error as well.
inline vocabulary load_tokenizer_json(const std::string& path, const limits& bounds = {}) {
  return parse_tokenizer_json(read_file<std::string>(path, bounds.header_bytes), path, bounds);
}

}  // namespace blip::inline BLIP_ABI
