// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/limits.hpp"
#include "blip/text/bert_words.hpp"
#include "blip/text/replace_all.hpp"
#include "blip/text/vocabulary.hpp"

namespace blip::inline BLIP_ABI {

struct wordpiece_options {
  std::vector<std::string> added{};  // special tokens beside BERT's; those that the vocabulary lacks are appended to it
  bool closes = true;                // [SEP] at the end
  std::size_t longest_word = 100;    // characters; a longer word is [UNK]
  limits bounds{};
};

struct spelling_options {
  bool skip_special = true;
  bool clean_up = true;  // no spaces before punctuation and within contractions
};

// BERT's uncased tokenizer. Texts become [CLS] pieces [SEP], the pieces of a word being the longest that the vocabulary
// has, from left to right, those after the first marked by ##; a word that has none is [UNK]. Special tokens written
// out in a text ("yes[SEP]") are recognised, in exactly this spelling. Nothing is padded. Throws format_error (a text
// that is not UTF-8, a vocabulary without one of BERT's five special tokens), limit_error (a text of more than
// limits::caption_bytes), config_error (a length without room), shape_error (an id outside the vocabulary). Source: Wu
// et al. 2016, 4.1; google-research/bert, tokenization.py. Equal to transformers' slow BertTokenizer.
class wordpiece {
 public:
  [[gnu::cold]] explicit wordpiece(vocabulary tokens, wordpiece_options o = {})
      : tokens_(std::move(tokens)), o_(std::move(o)), own_(tokens_.size()) {
    for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
      if (tokens_.find(name) < 0)
        throw format_error(
            {"wordpiece: the vocabulary", name, "none", "a BERT vocabulary has the five special tokens"});
      add_special(name);
    }
    for (const std::string& name : o_.added) {
      if (tokens_.find(name) < 0) tokens_.add(name, "wordpiece: added tokens", o_.bounds);
      add_special(name);
    }
  }

  const vocabulary& tokens() const { return tokens_; }
  bool closes() const { return o_.closes; }
  int size() const { return tokens_.size(); }
  int padding() const { return tokens_.find("[PAD]"); }
  int unknown() const { return tokens_.find("[UNK]"); }
  int opening() const { return tokens_.find("[CLS]"); }
  int closing() const { return tokens_.find("[SEP]"); }
  int mask() const { return tokens_.find("[MASK]"); }
  // The id of a token by name; throws config_error for one that the vocabulary lacks.
  int id(std::string_view token) const {
    const int found = tokens_.find(token);
    if (found < 0) throw config_error({"wordpiece::id", "a token of the vocabulary", std::string(token), {}});
    return found;
  }
  bool is_special(int id) const {
    return std::any_of(special_.begin(), special_.end(), [&](const auto& s) { return s.id == id; });
  }

  // The ids of a text. `longest` bounds their number, [CLS] and [SEP] included, by dropping pieces from the end of the
  // text; 0: no bound.
  std::vector<int> encode(std::string_view text, int longest = 0) const {
    std::vector<int> ids = open(text);
    const int ends = o_.closes ? 1 : 0;
    if (longest != 0) {
      if (longest < 1 + ends)
        throw config_error({"wordpiece: the longest text",
                            "at least " + std::to_string(1 + ends) + " tokens",
                            std::to_string(longest),
                            {}});
      ids.resize(std::min(ids.size(), static_cast<std::size_t>(longest - ends)));
    }
    if (o_.closes) ids.push_back(closing());
    return ids;
  }
  std::vector<std::vector<int>> encode_batch(std::span<const std::string> texts, int longest = 0) const {
    std::vector<std::vector<int>> ids;
    ids.reserve(texts.size());
    for (const std::string& text : texts) ids.push_back(encode(text, longest));
    return ids;
  }
  // The ids that a decoder continues: [CLS] pieces, without [SEP].
  std::vector<int> open(std::string_view text) const {
    require_within("wordpiece", "bytes of the text", text.size(), o_.bounds.caption_bytes);
    const std::u32string points = to_code_points(text, "wordpiece: the text");
    std::vector<int> ids{opening()};
    std::size_t begin = 0;
    for (std::size_t at = 0; at < points.size();) {
      const special* found = special_at(std::u32string_view(points).substr(at));
      if (!found) {
        ++at;
        continue;
      }
      append_words(ids, std::u32string_view(points).substr(begin, at - begin));
      ids.push_back(found->id);
      begin = at += found->text.size();
    }
    append_words(ids, std::u32string_view(points).substr(begin));
    return ids;
  }

  // The text of ids: tokens joined by spaces, without a space where ## continues a word. Tokens appended to the
  // vocabulary are not continued. Source: transformers 4, decode.
  std::string decode(std::span<const int> ids, spelling_options o = {}) const {
    std::string text;
    bool fresh = true;  // nothing that ## could continue stands before
    for (const int id : ids) {
      if (id < 0 || id >= size())
        throw shape_error({"wordpiece::decode: id", "0 to " + std::to_string(size() - 1), std::to_string(id), {}});
      if (o.skip_special && is_special(id)) continue;
      const std::string& token = tokens_.token(id);
      const bool appended = id >= own_;
      if (!fresh && !appended && token.starts_with("##")) {
        text.append(token, 2);
      } else {
        if (!text.empty()) text += ' ';
        text += token;
      }
      fresh = appended;
    }
    if (o.clean_up) clean_up(text);
    return text;
  }
  std::vector<std::string> decode_batch(std::span<const std::vector<int>> ids, spelling_options o = {}) const {
    std::vector<std::string> texts;
    texts.reserve(ids.size());
    for (const std::vector<int>& one : ids) texts.push_back(decode(one, o));
    return texts;
  }

 private:
  struct special {
    std::u32string text;
    int id;
  };

  [[gnu::cold]] void add_special(const std::string& name) {
    special_.push_back({to_code_points(name, "wordpiece: special tokens"), tokens_.find(name)});
  }
  // Where one special token begins another, the longer one counts.
  const special* special_at(std::u32string_view rest) const {
    const special* found = nullptr;
    for (const special& s : special_)
      if (rest.starts_with(s.text) && (!found || s.text.size() > found->text.size())) found = &s;
    return found;
  }

  void append_words(std::vector<int>& ids, std::u32string_view text) const {
    for (const std::u32string& word : bert_words(text)) {
      const std::size_t before = ids.size();
      if (word.size() > o_.longest_word || !append_pieces(ids, to_utf8(word))) {
        ids.resize(before);
        ids.push_back(unknown());
      }
    }
  }
  // False when the vocabulary lacks a piece.
  bool append_pieces(std::vector<int>& ids, const std::string& word) const {
    std::string piece;
    for (std::size_t begin = 0; begin < word.size();) {
      piece = begin == 0 ? "" : "##";
      const std::size_t mark = piece.size();
      piece.append(word, begin, std::max(tokens_.longest(), mark) - mark);
      int id = -1;
      // Cutting within a character does no harm: tokens are UTF-8, so nothing is found there.
      while (piece.size() > mark && (id = tokens_.find(piece)) < 0) piece.pop_back();
      if (id < 0) return false;
      ids.push_back(id);
      begin += piece.size() - mark;
    }
    return true;
  }

  static void clean_up(std::string& text) {
    constexpr std::pair<std::string_view, std::string_view> rules[] = {
        {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
        {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [from, to] : rules) text = replace_all(std::string_view(text), from, to);
  }

  vocabulary tokens_;
  wordpiece_options o_;
  int own_;  // size before tokens were appended
  std::vector<special> special_;
};

// The tokenizer of ALBEF's published code: no [SEP] at the end; answers carry it written out. LAVIS's closes texts.
inline wordpiece albef_tokenizer(vocabulary bert, bool closes = false) {
  return wordpiece(std::move(bert), {.closes = closes});
}

// The tokenizer of BLIP's published code: [DEC] and then [ENC] are appended (ids 30522 and 30523), which the caller
// puts in the place of [CLS] (text_batch does).
[[gnu::cold]] inline wordpiece blip_tokenizer(vocabulary bert) {
  return wordpiece(std::move(bert), {.added = {"[DEC]", "[ENC]"}});
}

}  // namespace blip::inline BLIP_ABI
