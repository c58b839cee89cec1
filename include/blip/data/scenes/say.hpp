// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "blip/data/scenes/claims.hpp"
#include "blip/data/scenes/words.hpp"

namespace blip::inline BLIP_ABI::scenes {

// The ways to put the same claims.
struct phrasing {
  int opening = 0;                // "", there is, a picture of, an image of
  bool long_relation = false;     // to the left of
  bool with = false;              // "with" in front of what stands beside nothing
  int vague_noun = 0;             // shape, object
  bool on_background = false;     // behind a vague sentence
};

namespace detail {

inline bool begins_with_vowel(std::string_view word) {
  return !word.empty() && std::string_view("aeiou").find(word[0]) != std::string_view::npos;
}

inline std::string noun_phrase(const mention& m, const phrasing& p) {
  std::string words;
  const auto add = [&](std::string_view word) {
    if (!words.empty()) words += ' ';
    words += word;
  };
  if (m.scale) add(magnitude_words[static_cast<std::size_t>(*m.scale)]);
  if (m.fill) add(texture_words[static_cast<std::size_t>(*m.fill)]);
  if (m.hue) add(colour_words[static_cast<std::size_t>(*m.hue)].one);
  const word_forms& noun = m.form ? shape_words[static_cast<std::size_t>(*m.form)]
                                  : vague_words[static_cast<std::size_t>(p.vague_noun)];
  add(m.count == 1 ? noun.one : noun.many);
  const std::string_view count =
      m.count == 1 && begins_with_vowel(words) ? "an" : number_words[static_cast<std::size_t>(m.count)];
  return std::string(count) + ' ' + words;
}

}  // namespace detail

// Claims as a sentence, without a full stop. A relation stands between the two mentions that it joins, so these follow
// each other; `parse` gives the same claims back from any phrasing.
inline std::string say(const claims& c, const phrasing& p = {}) {
  if (c.mentions.empty()) return "a colorful picture";
  const bool several = c.mentions[0].count != 1;
  std::string text;
  if (p.opening == 1) text = several ? "there are " : "there is ";
  if (p.opening == 2) text = "a picture of ";
  if (p.opening == 3) text = "an image of ";
  for (std::size_t i = 0; i < c.mentions.size(); ++i) {
    const related* joins = nullptr;
    for (const related& r : c.relations)
      if (r.object == static_cast<int>(i)) joins = &r;
    if (joins) {
      if (p.long_relation && (joins->which == relation::left_of || joins->which == relation::right_of)) text += " to the";
      text += ' ';
      text += relation_words[static_cast<std::size_t>(joins->which)];
      text += ' ';
    } else if (i > 0) {
      const bool behind_pair = i == 2 && !c.relations.empty();
      if (behind_pair && p.with)
        text += " with ";
      else
        text += i + 1 == c.mentions.size() ? " and " : ", ";
    }
    text += detail::noun_phrase(c.mentions[i], p);
  }
  if (c.vague() && p.on_background) text += " on a background";
  return text;
}

}  // namespace blip::inline BLIP_ABI::scenes
