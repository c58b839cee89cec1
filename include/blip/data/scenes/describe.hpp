// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "blip/data/scenes/claims.hpp"
#include "blip/data/scenes/draws.hpp"
#include "blip/data/scenes/say.hpp"
#include "blip/data/scenes/scene.hpp"

namespace blip::inline BLIP_ABI::scenes {

// What a description must speak of, beside what chance decides.
struct must_name {
  bool scale = false, relation = false;
};

// Claims that a person would make of a scene: every thing is named, colour and shape always, size in 70 of 100 cases,
// textures where there are any in 70; things that the words do not tell apart are counted; in 85 of 100 cases the first two
// single things are told by where they stand. In 80 of 100 cases people go from the upper left to the lower right, else by
// chance: the order of words is a first hint at places, without which a matching head, to which "a left of b" and "b
// left of a" are bags of equal words, learnt no relation in runs of 40,000 steps. All claims hold. Slots 0 to 63 of `d`.
inline claims describe(const scene& s, const draws& d, must_name must = {}) {
  std::vector<mention> mentions;
  std::vector<const object*> first;  // the thing that began each mention
  const bool by_chance = !d.chance(41, 80);
  std::vector<const object*> things;
  for (const object& o : s.objects) things.push_back(&o);
  if (!by_chance)
    std::stable_sort(things.begin(), things.end(), [](auto* a, auto* b) { return a->x + a->y < b->x + b->y; });
  for (const object* const thing : things) {
    const object& o = *thing;
    // All of one colour and shape are described alike, so that counts are exact.
    std::size_t kind = 0;
    while (s.objects[kind].form != o.form || s.objects[kind].hue != o.hue) ++kind;
    const auto slot = 2 * static_cast<std::uint32_t>(kind);
    const bool textured = std::any_of(s.objects.begin(), s.objects.end(), [&](const object& other) {
      return other.form == o.form && other.hue == o.hue && other.fill != texture::plain;
    });
    mention m{.count = 1, .hue = o.hue, .form = o.form};
    if (must.scale || d.chance(slot, 70)) m.scale = o.scale;
    if (textured && d.chance(slot + 1, 70)) m.fill = o.fill;
    const auto same = std::find_if(mentions.begin(), mentions.end(), [&](mention other) {
      other.count = 1;
      return other == m;
    });
    if (same != mentions.end()) {
      ++same->count;
    } else {
      mentions.push_back(m);
      first.push_back(&o);
    }
  }
  for (std::size_t i = 0; by_chance && i + 1 < mentions.size(); ++i) {
    const int rest = static_cast<int>(mentions.size() - i);
    const std::size_t j = i + static_cast<std::size_t>(d.below(32 + static_cast<std::uint32_t>(i), rest));
    std::swap(mentions[i], mentions[j]), std::swap(first[i], first[j]);
  }
  claims c;
  if (must.relation || d.chance(40, 85)) {
    std::vector<std::size_t> single;
    for (std::size_t i = 0; i < mentions.size() && single.size() < 2; ++i)
      if (mentions[i].count == 1) single.push_back(i);
    if (single.size() == 2) {
      if (const auto r = between(s, *first[single[0]], *first[single[1]])) {
        for (std::ptrdiff_t i = 0; i < 2; ++i) {  // the two come first, the others keep their order
          const auto at = mentions.begin() + static_cast<std::ptrdiff_t>(single[static_cast<std::size_t>(i)]);
          std::rotate(mentions.begin() + i, at, at + 1);
        }
        c.relations.push_back({0, *r, 1});
      }
    }
  }
  c.mentions = std::move(mentions);
  return c;
}

// Slots 64 to 71 of `d`.
inline phrasing phrase(const draws& d) {
  return {.opening = d.below(64, 4),
          .long_relation = d.chance(65, 50),
          .with = d.chance(66, 50),
          .vague_noun = d.below(67, 2),
          .on_background = d.chance(68, 33)};
}

}  // namespace blip::inline BLIP_ABI::scenes
