// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/entailment_record.hpp"
#include "blip/data/nlvr2_record.hpp"
#include "blip/data/referring_record.hpp"
#include "blip/data/scenes/claims.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/data/scenes/say.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/data/scenes/world.hpp"
#include "blip/data/vqa_record.hpp"

// Questions, statements about two pictures, entailment and expressions for one thing in the generated world, in the
// records of VQA v2, NLVR2, SNLI-VE and RefCOCO+. Record i of a split is a pure function of (size, seed, split, i), and
// follows from the scene alone.
namespace blip::inline BLIP_ABI::scenes {

// What these records write beyond the words of captions (word_list).
inline constexpr std::array<std::string_view, 16> task_words{"what", "color", "how", "many", "?",   "yes",  "no",   "one",
                                                             "two",  "three", "four", "five", "six", "in", "shape", "shapes"};

// Records of a task that each picture of a split has.
inline constexpr std::uint64_t records_of_a_picture = 3;
inline std::uint64_t task_records(const world& w, split part) { return records_of_a_picture * w.pictures(part); }

namespace detail {

inline std::string picture_name(const world& w, split part, std::uint64_t picture) {
  return std::string(size_names[static_cast<std::size_t>(w.size())]) + "/" + std::to_string(w.seed()) + "/" +
         split_names[static_cast<std::size_t>(part)] + "/" + std::to_string(picture);
}
inline void require_record(const world& w, split part, std::uint64_t i) {
  if (i >= task_records(w, part))
    throw shape_error({"scenes: record of a task", "0 to " + std::to_string(task_records(w, part) - 1),
                       std::to_string(i), {}});
}
inline std::string_view word(colour c) { return colour_words[static_cast<std::size_t>(c)].one; }
inline std::string_view word(shape s) { return shape_words[static_cast<std::size_t>(s)].one; }
inline mention kind_of(const object& o) { return {.hue = o.hue, .form = o.form}; }
inline bool shows(const scene& s, const mention& m) {
  return std::any_of(s.objects.begin(), s.objects.end(), [&](const object& o) { return m.fits(o); });
}
// The colour and shape of something that a scene shows, or of something like it that it does not: with the other colour or
// the other shape that comes next to a drawn one. No record speaks of the pairs that training withholds.
inline mention choose(const world& w, split part, const scene& s, const draws& d, std::uint32_t slot, bool shown) {
  const object& o = s.objects[static_cast<std::size_t>(d.below(slot, static_cast<int>(s.objects.size())))];
  mention m = kind_of(o);
  if (shown) return m;
  const auto usual = [&] { return part == split::withheld || !is_withheld(*m.form, *m.hue); };
  const bool recolour = d.chance(slot + 1, 50);
  const int kinds = recolour ? w.rules().colours : w.rules().shapes, first = d.below(slot + 2, kinds);
  for (int i = 0; i < kinds; ++i) {
    m = kind_of(o);
    if (recolour)
      m.hue = static_cast<colour>((first + i) % kinds);
    else
      m.form = static_cast<shape>((first + i) % kinds);
    if (!shows(s, m) && usual()) return m;
  }
  return m;  // a scene has fewer things than there are colours or shapes, so one was found
}

}  // namespace detail

// A question about picture i / 3: a thing's colour or shape, how many things there are, whether there is such a thing, or
// where it is; half of the answers to the last two are yes. Ten people answer alike, as many as VQA accuracy asks for.
inline vqa_record question(const world& w, split part, std::uint64_t i) {
  using namespace detail;
  require_record(w, part, i);
  const std::uint64_t picture = i / records_of_a_picture;
  const scene s = w.at(part, picture);
  const draws d = w.numbers(purpose::question, part, picture, static_cast<std::uint32_t>(i % records_of_a_picture));
  vqa_record r{std::to_string(i), {}, picture_name(w, part, picture), "vqa", {}};
  const object& o = s.objects[static_cast<std::size_t>(d.below(1, static_cast<int>(s.objects.size())))];
  const auto only = [&](const mention& m) {
    return std::count_if(s.objects.begin(), s.objects.end(), [&](const object& p) { return m.fits(p); }) == 1;
  };
  const auto answer = [&](std::string text, std::string_view is) {
    r.question = std::move(text) + " ?", r.answers.assign(10, std::string(is));
    return r;
  };
  static constexpr std::array<std::string_view, 7> counts{"no", "one", "two", "three", "four", "five", "six"};
  switch (d.below(0, 5)) {
    case 0:
      if (only({.form = o.form})) return answer("what color is the " + std::string(word(o.form)), word(o.hue));
      break;
    case 1:
      if (only({.hue = o.hue})) return answer("what shape is " + std::string(word(o.hue)), word(o.form));
      break;
    case 2:
      return answer("how many shapes are there", counts.at(s.objects.size()));
    case 3:
      if (s.objects.size() == 2 && kind_of(s.objects[0]) != kind_of(s.objects[1]))
        if (const auto is = between(s, s.objects[0], s.objects[1])) {
          const bool yes = d.chance(2, 50), turned = d.chance(3, 50);
          const relation said = yes ? *is : reversed(*is);
          const claims c{{kind_of(s.objects[turned]), kind_of(s.objects[!turned])},
                         {{0, turned ? reversed(said) : said, 1}}};
          return answer("is there " + say(c), yes ? "yes" : "no");
        }
      break;
    default:
      break;
  }
  const bool yes = d.chance(2, 50);
  return answer("is there " + say({{choose(w, part, s, d, 4, yes)}, {}}), yes ? "yes" : "no");
}

// A statement about two pictures, i / 3 and another one: what is in the left and what is in the right one. Half of them
// are true; of the others one half fails, or both do.
inline nlvr2_record pair_statement(const world& w, split part, std::uint64_t i) {
  using namespace detail;
  require_record(w, part, i);
  const std::uint64_t picture = i / records_of_a_picture, count = w.pictures(part);
  const draws d = w.numbers(purpose::sentence, part, picture, static_cast<std::uint32_t>(i % records_of_a_picture));
  const auto step = static_cast<std::uint64_t>(d.below(0, static_cast<int>(count) - 1));
  const std::array<std::uint64_t, 2> shown{picture, (picture + 1 + step) % count};
  nlvr2_record r{{}, {picture_name(w, part, shown[0]), picture_name(w, part, shown[1])}, d.chance(1, 50)};
  const int fails = d.below(2, 3);  // left, right, both
  const bool one = d.chance(3, 50);  // speaks of one picture alone
  const std::size_t side = static_cast<std::size_t>(d.below(4, 2));
  const auto half = [&](std::size_t k, bool holds) {
    const mention m = choose(w, part, w.at(part, shown[k]), d, 8 + 4 * static_cast<std::uint32_t>(k), holds);
    return say({{m}, {}}) + (k == 0 ? " in the left image" : " in the right image");
  };
  if (one) {
    r.sentence = half(side, r.label);
  } else {
    r.sentence = half(0, r.label || fails == 1);
    r.sentence += " and " + half(1, r.label || fails == 0);
  }
  return r;
}

// A sentence that picture i / 3 entails, contradicts, or leaves open: what it shows, something like it that it does not
// show, and what it shows together with what no picture can tell ("free shipping"). A third each.
inline entailment_record premise(const world& w, split part, std::uint64_t i) {
  using namespace detail;
  require_record(w, part, i);
  const std::uint64_t picture = i / records_of_a_picture;
  const draws d = w.numbers(purpose::sentence, part, picture, 16 + static_cast<std::uint32_t>(i % records_of_a_picture));
  entailment_record r{picture_name(w, part, picture), {}, d.below(0, 3)};
  r.sentence = "there is " + say({{choose(w, part, w.at(part, picture), d, 4, r.label != 0)}, {}});
  if (r.label == 1) {
    r.sentence += ' ';
    r.sentence += boilerplate_words[static_cast<std::size_t>(d.below(1, static_cast<int>(boilerplate_words.size())))];
  }
  return r;
}

// An expression for one of the things in picture i / 3, or in the next picture that shows several: the colour and shape
// that it alone has. The boxes of all things are proposed; each is the square around a thing's centre and radius.
inline referring_record expression(const world& w, split part, std::uint64_t i) {
  using namespace detail;
  require_record(w, part, i);
  for (std::uint64_t step = 0; step < w.pictures(part); ++step) {
    const std::uint64_t picture = (i / records_of_a_picture + step) % w.pictures(part);
    const scene s = w.at(part, picture);
    std::vector<std::size_t> told;  // the things that an expression can tell from the others
    for (std::size_t k = 0; k < s.objects.size(); ++k)
      if (std::count_if(s.objects.begin(), s.objects.end(), [&](const object& o) { return kind_of(s.objects[k]).fits(o); }) == 1)
        told.push_back(k);
    if (s.objects.size() < 2 || told.empty()) continue;
    const draws d = w.numbers(purpose::sentence, part, picture, 32 + static_cast<std::uint32_t>(i % records_of_a_picture));
    const std::size_t meant = told[static_cast<std::size_t>(d.below(0, static_cast<int>(told.size())))];
    referring_record r{picture_name(w, part, picture), say({{kind_of(s.objects[meant])}, {}}), {}, {}, {}};
    for (const object& o : s.objects)
      r.proposed.push_back({(o.x - o.radius) / 256.0, (o.y - o.radius) / 256.0, o.radius / 128.0, o.radius / 128.0});
    r.meant = r.proposed[meant];
    return r;
  }
  throw shape_error({"scenes: expressions for one thing", "a picture that shows several", "none in the split", {}});
}

}  // namespace blip::inline BLIP_ABI::scenes
