// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/data/scenes/claims.hpp"
#include "blip/data/scenes/words.hpp"

namespace blip::inline BLIP_ABI::scenes {

namespace detail {

// The words of a text: lower case, misspellings mended, commas words of their own, other marks dropped, "&" read as
// "and", a word that is repeated at once read once.
inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (word.empty()) return;
    for (const word_forms& w : shape_words)
      if (word == w.misspelt) word = w.one;
    for (const word_forms& w : colour_words)
      if (word == w.misspelt) word = w.one;
    if (word != "amp" && (words.empty() || words.back() != word)) words.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      word += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80 || (c >= '0' && c <= '9')) {
      word += c;
    } else {
      flush();
      if (c == '&') words.emplace_back("and");
      if (c == ',') words.emplace_back(",");
    }
  }
  flush();
  return words;
}

// Reads words from left to right.
class word_reader {
 public:
  explicit word_reader(std::string_view text) : words_(words_of(text)) {}

  bool done() const { return at_ == words_.size(); }
  // Takes a word, or several in a row, if they are next.
  bool take(std::initializer_list<std::string_view> row) {
    if (words_.size() - at_ < row.size()) return false;
    std::size_t i = at_;
    for (const std::string_view w : row)
      if (words_[i++] != w) return false;
    at_ = i;
    return true;
  }
  // Takes a word of a list and returns its number.
  template <class Words, class Spelling>
  std::optional<int> one_of(const Words& list, Spelling spelling) {
    if (done()) return std::nullopt;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (words_[at_] == spelling(list[i])) {
        ++at_;
        return static_cast<int>(i);
      }
    return std::nullopt;
  }

 private:
  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

template <class E>
bool set_once(std::optional<E>& attribute, std::optional<int> found) {
  if (attribute) return false;
  attribute = static_cast<E>(*found);
  return true;
}

// [a | an | some | two ...] [size] [texture] [colour] noun, the attributes in any order.
inline std::optional<mention> read_mention(word_reader& in) {
  const auto itself = [](std::string_view w) { return w; };
  const auto one = [](const word_forms& w) { return w.one; };
  const auto many = [](const word_forms& w) { return w.many; };
  mention m;
  auto count = in.one_of(number_words, itself);
  if (!count && (in.take({"an"}) || in.take({"one"}))) count = 1;
  for (;;) {
    if (const auto scale = in.one_of(magnitude_words, itself)) {
      if (!set_once(m.scale, scale)) return std::nullopt;
    } else if (const auto fill = in.one_of(texture_words, itself)) {
      if (!set_once(m.fill, fill)) return std::nullopt;
    } else if (const auto hue = in.one_of(colour_words, one)) {
      if (!set_once(m.hue, hue)) return std::nullopt;
    } else {
      break;
    }
  }
  bool several = false;
  if (const auto form = in.one_of(shape_words, one)) {
    m.form = static_cast<shape>(*form);
  } else if (const auto forms = in.one_of(shape_words, many)) {
    m.form = static_cast<shape>(*forms), several = true;
  } else if (in.one_of(vague_words, many)) {
    several = true;
  } else if (!in.one_of(vague_words, one)) {
    return std::nullopt;
  }
  m.count = count.value_or(several ? 0 : 1);  // an article that was left out
  if (several == (m.count == 1)) return std::nullopt;
  return m;
}

inline std::optional<relation> read_relation(word_reader& in) {
  in.take({"is"});
  in.take({"to", "the"});
  if (in.take({"left", "of"})) return relation::left_of;
  if (in.take({"right", "of"})) return relation::right_of;
  if (in.take({"above"})) return relation::above;
  if (in.take({"below"})) return relation::below;
  return std::nullopt;
}

}  // namespace detail

// Reads a caption, written by `say`, by a person or by a model: [opening] mention {(relation | and | , | with) mention}.
// Empty for anything else: such a text claims nothing that could be checked, and whoever scores captions counts it as
// false.
inline std::optional<claims> parse(std::string_view text) {
  detail::word_reader in(text);
  claims c;
  if (in.take({"a", "colorful", "picture"}) || in.take({"colorful", "picture"}))
    return in.done() ? std::optional(c) : std::nullopt;
  // An opening, whole or without its article, or none.
  static_cast<void>(in.take({"there", "is"}) || in.take({"there", "are"}) || in.take({"a", "picture", "of"}) ||
                    in.take({"picture", "of"}) || in.take({"an", "image", "of"}) || in.take({"image", "of"}));
  for (;;) {
    const auto m = detail::read_mention(in);
    if (!m) return std::nullopt;
    c.mentions.push_back(*m);
    if (in.take({"on", "a", "background"}) || in.take({"on", "background"}))
      return in.done() ? std::optional(c) : std::nullopt;
    if (in.done()) return c;
    const int last = static_cast<int>(c.mentions.size()) - 1;
    if (const auto r = detail::read_relation(in))
      c.relations.push_back({last, *r, last + 1});
    else if (!(in.take({",", "and"}) || in.take({","}) || in.take({"and"}) || in.take({"with"})))
      return std::nullopt;
  }
}

}  // namespace blip::inline BLIP_ABI::scenes
