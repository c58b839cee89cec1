// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "blip/data/scenes/scene.hpp"

namespace blip::inline BLIP_ABI::scenes {

// A thing, or several equal ones, that a sentence speaks of; what it leaves out is empty.
struct mention {
  int count = 1;  // 1: there is one ("a"); n from 2 on: there are exactly n; 0: at least two ("some")
  std::optional<magnitude> scale{};
  std::optional<texture> fill{};
  std::optional<colour> hue{};
  std::optional<shape> form{};

  bool says_nothing() const { return !scale && !fill && !hue && !form; }
  bool fits(const object& o) const {
    return (!scale || *scale == o.scale) && (!fill || *fill == o.fill) && (!hue || *hue == o.hue) &&
           (!form || *form == o.form);
  }
  friend bool operator==(const mention&, const mention&) = default;
};

// Mention number `subject` stands in a relation to mention number `object`; both count one.
struct related {
  int subject = 0;
  relation which = relation::left_of;
  int object = 1;

  friend bool operator==(const related&, const related&) = default;
};

// All that a sentence says.
struct claims {
  std::vector<mention> mentions{};
  std::vector<related> relations{};

  bool vague() const {
    bool nothing = relations.empty();
    for (const mention& m : mentions) nothing = nothing && m.says_nothing();
    return nothing;
  }
  friend bool operator==(const claims&, const claims&) = default;
};

enum class verdict : std::uint8_t { holds, fails, vague };

struct judgement {
  verdict is = verdict::fails;
  bool names_every_object = false;  // by its shape; only where the claims hold

  bool is_true() const { return is != verdict::fails; }
};

namespace detail {

// Looks for a way to assign different things to the mentions from number `at` on; who[m] is the thing of mention m.
inline bool assign(const claims& c, const scene& s, std::size_t at, std::uint32_t taken, std::vector<int>& who) {
  if (at == c.mentions.size()) return true;
  const mention& m = c.mentions[at];
  if (m.count != 1) return assign(c, s, at + 1, taken, who);  // taken beforehand
  for (std::size_t i = 0; i < s.objects.size(); ++i) {
    if ((taken >> i & 1u) != 0 || !m.fits(s.objects[i])) continue;
    who[at] = static_cast<int>(i);
    bool right = true;
    for (const related& r : c.relations) {
      const auto a = static_cast<std::size_t>(r.subject), b = static_cast<std::size_t>(r.object);
      if (a > at || b > at || (a != at && b != at)) continue;
      right = right && who[a] >= 0 && who[b] >= 0 &&
              holds(s, r.which, s.objects[static_cast<std::size_t>(who[a])], s.objects[static_cast<std::size_t>(who[b])]);
    }
    if (right && assign(c, s, at + 1, taken | 1u << i, who)) return true;
  }
  who[at] = -1;
  return false;
}

}  // namespace detail

// Whether every claim is true of the scene: each mention is a thing of its own, counts are exact, relations hold. Claims
// that hold and tell nothing of any thing ("some shapes") are vague. Scenes of at most 32 things.
inline judgement check(const claims& c, const scene& s) {
  std::uint32_t taken = 0;
  std::size_t named = 0;
  for (const mention& m : c.mentions) {
    if (m.form) named += static_cast<std::size_t>(m.count);
    if (m.count == 1) continue;
    int found = 0;
    for (std::size_t i = 0; i < s.objects.size(); ++i)
      if (m.fits(s.objects[i])) {
        if ((taken >> i & 1u) != 0) return {};
        taken |= 1u << i, ++found;
      }
    if (m.count == 0 ? found < 2 : found != m.count) return {};
  }
  for (const related& r : c.relations) {  // only one thing can stand beside another
    const auto one = [&](int which) {
      return which >= 0 && static_cast<std::size_t>(which) < c.mentions.size() &&
             c.mentions[static_cast<std::size_t>(which)].count == 1;
    };
    if (!one(r.subject) || !one(r.object) || r.subject == r.object) return {};
  }
  std::vector<int> who(c.mentions.size(), -1);
  if (!detail::assign(c, s, 0, taken, who)) return {};
  if (c.vague()) return {verdict::vague, false};
  return {verdict::holds, named == s.objects.size()};
}

}  // namespace blip::inline BLIP_ABI::scenes
