// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/data/scenes/scene.hpp"
#include "blip/data/scenes/world.hpp"

namespace blip::inline BLIP_ABI::scenes {

// How a thing is written: alone, several of it, and the way it is misspelt on the web.
struct word_forms {
  std::string_view one, many, misspelt;
};

inline constexpr std::array<word_forms, 8> shape_words{{{"circle", "circles", "cirlce"},
                                                        {"square", "squares", "sqaure"},
                                                        {"triangle", "triangles", "trianlge"},
                                                        {"cross", "crosses", "corss"},
                                                        {"ring", "rings", "rign"},
                                                        {"diamond", "diamonds", "daimond"},
                                                        {"star", "stars", "satr"},
                                                        {"moon", "moons", "mooon"}}};
inline constexpr std::array<word_forms, 10> colour_words{{{"red", {}, "rde"},
                                                          {"green", {}, "gren"},
                                                          {"blue", {}, "bleu"},
                                                          {"yellow", {}, "yelow"},
                                                          {"purple", {}, "purpel"},
                                                          {"orange", {}, "ornage"},
                                                          {"pink", {}, "pnik"},
                                                          {"white", {}, "wihte"},
                                                          {"cyan", {}, "cyna"},
                                                          {"brown", {}, "borwn"}}};
inline constexpr std::array<std::string_view, 3> magnitude_words{"small", "large", "medium"};
inline constexpr std::array<std::string_view, 4> texture_words{"plain", "striped", "spotted", "checked"};
inline constexpr std::array<std::string_view, 4> relation_words{"left of", "right of", "above", "below"};
inline constexpr std::array<std::string_view, 7> number_words{"some", "a", "two", "three", "four", "five", "six"};
// What a thing is called when its shape is not told.
inline constexpr std::array<word_forms, 2> vague_words{{{"shape", "shapes", {}}, {"object", "objects", {}}}};
// Pairs of words that say nothing about a picture.
inline constexpr std::array<std::string_view, 10> boilerplate_words{
    "free shipping", "best price", "buy now", "click here", "stock photo",
    "new item",      "home page",  "img jpg", "www com",    "online sale"};

// The special tokens and words of the texts of a world, in the order of their ids, as a vocab.txt holds them: the input of
// `vocabulary`. blip_tokenizer appends [DEC] and [ENC]. Words that a world of this size never writes are not among them.
inline std::vector<std::string> word_list(world_size size) {
  const world_rules& rules = all_rules[static_cast<std::size_t>(size)];
  std::vector<std::string> list{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a",    "an",      "there", "is",   "are",
                                "picture", "image", "of",   "and",   "to",     "the", "left",    "right", "above",
                                "below", "some",   "on",   "background", "colorful"};
  const bool counts = rules.objects > 2;
  const auto add = [&](std::string_view word) {
    if (!word.empty()) list.emplace_back(word);
  };
  for (int i = 0; i < rules.magnitudes; ++i) add(magnitude_words[static_cast<std::size_t>(i)]);
  for (int i = 0; i < rules.textures && counts; ++i) add(texture_words[static_cast<std::size_t>(i)]);
  for (int i = 0; i < rules.colours; ++i) add(colour_words[static_cast<std::size_t>(i)].one);
  for (int i = 0; i < rules.shapes; ++i) add(shape_words[static_cast<std::size_t>(i)].one);
  for (const word_forms& w : vague_words) add(w.one), add(w.many);
  for (int i = 2; i <= rules.objects; ++i) add(number_words[static_cast<std::size_t>(i)]);
  if (counts) {
    for (const char* word : {"with", ","}) add(word);
    for (int i = 0; i < rules.shapes; ++i) add(shape_words[static_cast<std::size_t>(i)].many);
  }
  for (int i = 0; i < rules.colours; ++i) add(colour_words[static_cast<std::size_t>(i)].misspelt);
  for (int i = 0; i < rules.shapes; ++i) add(shape_words[static_cast<std::size_t>(i)].misspelt);
  for (const std::string_view pair : boilerplate_words) {
    add(pair.substr(0, pair.find(' ')));
    add(pair.substr(pair.find(' ') + 1));
  }
  for (const char* mark : {"!", "&", "amp", ";"}) add(mark);
  return list;
}

}  // namespace blip::inline BLIP_ABI::scenes
