// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blip/data/scenes/describe.hpp"
#include "blip/data/scenes/parse.hpp"
#include "blip/data/scenes/say.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/data/scenes/world.hpp"

namespace blip::inline BLIP_ABI::scenes {

// What happened to a caption on the web. Up to `incomplete` it is still true of its picture.
enum class noise : std::uint8_t {
  none,         // clean
  surface,      // misspelt, shouted, an article missing, stray marks
  vague,        // true, and says nothing
  incomplete,   // a thing is left out
  other,        // of another picture
  colour,       // one wrong word of this kind
  shape,
  size,
  relation,     // left for right, above for below
  count,
  extra,        // a thing that is not there
  boilerplate,  // says nothing about any picture
};
inline constexpr std::array<const char*, 12> noise_names{"none",   "surface", "vague", "incomplete", "other",
                                                         "colour", "shape",   "size",  "relation",   "count",
                                                         "extra",  "boilerplate"};

// A caption and the truth about it.
struct labelled_caption {
  std::string text;
  noise kind = noise::none;
  bool is_true = true;                     // of its picture, by its claims; boilerplate is not
  std::optional<claims> says = claims{};  // empty for boilerplate
};

namespace detail {

// In 10,000: other 1500, one thing wrong 1500, boilerplate 1200, vague 1300, surface 2000, else clean; where there are
// up to six things 400 of the clean ones leave one out. Which thing is wrong depends on what the scene offers, with
// shares such that of all captions 300 have a wrong size and 200 a wrong relation (with many things: 150 a wrong count
// and 150 a thing too many).
inline noise choose_noise(const world& w, const scene& s, const draws& d) {
  int roll = d.below(80, 10'000);
  const auto falls = [&](int share) { return (roll -= share) < 0; };
  const bool many = w.rules().objects > 2, two = s.objects.size() >= 2;
  if (falls(1500)) return noise::other;
  if (falls(1500)) {
    const int relation = two ? (many ? 240 : 333) : 0, size = many ? 200 : 300, extra = many ? 150 : 0;
    const int count = many ? 150 : 0, each = (1500 - relation - size - extra - count) / 2;
    int which = d.below(81, 1500);
    const auto is = [&](int share) { return (which -= share) < 0; };
    if (is(relation)) return noise::relation;
    if (is(size)) return noise::size;
    if (is(extra)) return noise::extra;
    if (is(count)) return noise::count;
    return is(each) ? noise::colour : noise::shape;
  }
  if (falls(1200)) return noise::boilerplate;
  if (falls(1300)) return noise::vague;
  if (falls(2000)) return noise::surface;
  return many && two && falls(400) ? noise::incomplete : noise::none;
}

// Sets an attribute to another one of the first `kinds`; false when it is not told or the result is withheld.
template <class E>
bool set_wrong(std::optional<E>& attribute, const mention& m, int kinds, std::uint32_t by) {
  if (!attribute) return false;
  const auto step = 1 + static_cast<int>(by % static_cast<std::uint32_t>(kinds - 1));
  attribute = static_cast<E>((static_cast<int>(*attribute) + step) % kinds);
  return !(m.form && m.hue && is_withheld(*m.form, *m.hue));
}

// Puts one wrong thing into claims; false where the dice fell so that there is none to put.
inline bool spoil(claims& c, noise kind, const world_rules& rules, philox_counter dice) {
  const std::size_t at = dice[0] % c.mentions.size();
  mention& m = c.mentions[at];
  switch (kind) {
    case noise::colour:
      return set_wrong(m.hue, m, rules.colours, dice[1]);
    case noise::shape:
      return set_wrong(m.form, m, rules.shapes, dice[1]);
    case noise::size:
      return set_wrong(m.scale, m, rules.magnitudes, dice[1]);
    case noise::relation:
      if (c.relations.empty()) return false;
      c.relations[0].which = reversed(c.relations[0].which);
      return true;
    case noise::count: {
      for (const related& r : c.relations)
        if (static_cast<std::size_t>(r.subject) == at || static_cast<std::size_t>(r.object) == at) return false;
      const int wrong = 1 + static_cast<int>(dice[1] % 6);
      return std::exchange(m.count, wrong) != wrong;
    }
    case noise::extra: {
      mention more{.hue = static_cast<scenes::colour>(dice[1] % static_cast<std::uint32_t>(rules.colours)),
                   .form = static_cast<scenes::shape>(dice[2] % static_cast<std::uint32_t>(rules.shapes))};
      c.mentions.push_back(more);
      return !is_withheld(*more.form, *more.hue);
    }
    default:
      return false;
  }
}

// Dirt that changes no claim.
inline std::string soil(std::string text, const draws& d) {
  const auto replace = [&](std::string_view from, std::string_view to) {
    const std::size_t at = (' ' + text + ' ').find(' ' + std::string(from) + ' ');
    if (at != text.npos) text.replace(at, from.size(), to);
    return at != text.npos;
  };
  switch (d.below(82, 6)) {
    case 0: {  // one word misspelt
      std::vector<const word_forms*> there;
      const auto look = [&](const word_forms& w) {
        if ((' ' + text + ' ').find(' ' + std::string(w.one) + ' ') != text.npos) there.push_back(&w);
      };
      for (const word_forms& w : shape_words) look(w);
      for (const word_forms& w : colour_words) look(w);
      if (!there.empty()) {
        const word_forms& w = *there[static_cast<std::size_t>(d.below(83, static_cast<int>(there.size())))];
        replace(w.one, w.misspelt);
        break;
      }
      [[fallthrough]];
    }
    case 1:  // shouted
      for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      break;
    case 2:  // an article missing
      if (replace("a", "") || replace("an", "")) break;
      [[fallthrough]];
    case 3:  // stray marks
      text += d.chance(84, 50) ? "!!" : " ...";
      break;
    case 4:  // spaces doubled
      for (std::size_t at = 0; (at = text.find(' ', at)) != text.npos; at += 2) text.insert(at, 1, ' ');
      break;
    case 5:  // an entity that was not decoded
      if (!replace("and", "&amp;")) text += " !";
      break;
  }
  return text;
}

}  // namespace detail

// Caption number `which` of a picture, as a person would write it.
inline labelled_caption human_caption(const world& w, split part, std::uint64_t index, std::uint32_t which = 0) {
  const draws d = w.numbers(purpose::caption, part, index, which);
  claims c = describe(w.at(part, index), d);
  std::string text = say(c, phrase(d));
  return {std::move(text), noise::none, true, std::move(c)};
}

// The caption of a picture as the web has it: its noise type and whether it is true are known. Whatever is meant to be
// wrong was checked against the scene; no text names a withheld pair.
inline labelled_caption web_caption(const world& w, split part, std::uint64_t index) {
  const scene s = w.at(part, index);
  const draws d = w.numbers(purpose::noise, part, index);
  labelled_caption out{.text = {}, .kind = detail::choose_noise(w, s, d)};
  const phrasing p = phrase(d);
  claims c = describe(s, d, {out.kind == noise::size, out.kind == noise::relation});
  switch (out.kind) {
    case noise::none:
    case noise::surface:
      break;
    case noise::vague: {
      const int count = static_cast<int>(s.objects.size());
      const int how = d.below(85, 4);
      c = {};
      if (how > 0) c.mentions.push_back({.count = count == 1 ? 1 : how == 1 && w.rules().objects > 2 ? count : 0});
      break;
    }
    case noise::incomplete:
      if (c.mentions.size() > 1)
        c.mentions.pop_back();
      else
        c.mentions[0].count = 1;  // several equal things, one of which is told
      if (c.mentions.size() == 1) c.relations.clear();
      break;
    case noise::boilerplate: {
      const int pairs = d.between(86, 2, 3);
      int at = d.below(87, 10);
      for (int i = 0; i < pairs; ++i, at = (at + 1 + d.below(88 + static_cast<std::uint32_t>(i), 8)) % 10)
        out.text += (i > 0 ? " " : "") + std::string(boilerplate_words[static_cast<std::size_t>(at)]);
      out.is_true = false;
      out.says.reset();
      return out;
    }
    default: {
      // Until the claims fail; what another picture shows may be true of this one as well.
      const claims right = c;
      for (std::uint32_t attempt = 0; attempt < 64; ++attempt) {
        const philox_counter dice = d.block(64 + attempt);
        if (out.kind == noise::other) {
          const std::uint64_t n = w.pictures(part), far = 1 + (std::uint64_t{dice[0]} << 32 | dice[1]) % (n - 1);
          c = describe(w.at(part, (index + far) % n), d);
        } else {
          c = right;
          // What the scene does not offer becomes a wrong colour.
          if (!detail::spoil(c, attempt < 32 ? out.kind : noise::colour, w.rules(), dice)) continue;
          if (attempt >= 32) out.kind = noise::colour;
        }
        if (!check(c, s).is_true()) break;
      }
      out.is_true = check(c, s).is_true();
    }
  }
  out.text = say(c, p);
  if (out.kind == noise::surface) out.text = detail::soil(std::move(out.text), d);
  out.says = std::move(c);
  return out;
}

}  // namespace blip::inline BLIP_ABI::scenes
