// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>

#include "blip/data/scenes/pairs.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip::scenes;

namespace {

constexpr std::array<world_size, 3> sizes{world_size::nano, world_size::mini, world_size::base};

bool names_withheld(const claims& c) {
  return std::any_of(c.mentions.begin(), c.mentions.end(),
                     [](const mention& m) { return m.form && m.hue && is_withheld(*m.form, *m.hue); });
}

// A small red circle left of a large blue square.
scene two_things() {
  scene s{.pixels = 32};
  s.objects.push_back({.form = shape::circle, .hue = colour::red, .x = 8 * 256, .y = 16 * 256, .radius = 1000});
  s.objects.push_back({.form = shape::square,
                       .hue = colour::blue,
                       .scale = magnitude::large,
                       .x = 24 * 256,
                       .y = 16 * 256,
                       .radius = 1700});
  return s;
}
scene three_rings() {
  scene s{.pixels = 224};
  for (int i = 0; i < 3; ++i)
    s.objects.push_back({.form = shape::ring,
                         .hue = i < 2 ? colour::red : colour::pink,
                         .x = (40 + 70 * i) * 256,
                         .y = 100 * 256,
                         .radius = 3000});
  return s;
}

std::string judged(const char* text, const scene& s) {
  const auto c = parse(text);
  if (!c) return "unreadable";
  const judgement j = check(*c, s);
  if (j.is == verdict::vague) return "vague";
  return j.is == verdict::fails ? "false" : j.names_every_object ? "true of all" : "true";
}

}  // namespace

TEST_CASE("scenes: a human caption names every thing, is true, and reads back as its claims") {
  for (const world_size size : sizes)
    for (const split part : {split::human, split::test, split::withheld}) {
      const pairs p(world(size, 9), part);
      for (std::uint64_t i = 0; i < 1500; ++i) {
        const labelled_caption c = p.caption(i);
        INFO(c.text);
        REQUIRE(parse(c.text) == c.says);
        const judgement j = check(*c.says, p.scene_of(i));
        REQUIRE(j.is == verdict::holds);
        REQUIRE(j.names_every_object);
        REQUIRE(names_withheld(*c.says) == (part == split::withheld));
      }
    }
}

TEST_CASE("scenes: three people describe a picture in different words") {
  const world w(world_size::base, 4);
  int all_differ = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    std::set<std::string> texts;
    for (std::uint32_t k = 0; k < 3; ++k) texts.insert(human_caption(w, split::human, i, k).text);
    all_differ += texts.size() == 3;
  }
  CHECK(all_differ > 240);
}

TEST_CASE("scenes: nine of ten captions that tell places begin with what is on the left or above") {
  for (const world_size size : sizes) {
    const world w(size, 5);
    int told = 0, ordered = 0;
    const auto count = [&](const claims& c) {
      for (const related& r : c.relations)
        ++told, ordered += r.which == relation::left_of || r.which == relation::above;
    };
    for (std::uint64_t i = 0; i < 3000; ++i) {
      count(*human_caption(w, split::human, i).says);
      const labelled_caption c = web_caption(w, split::web, i);
      if (c.kind == noise::none) count(*c.says);
    }
    CHECK(told > 1200);
    const double share = static_cast<double>(ordered) / told;
    CHECK(share > 0.87);
    CHECK(share < 0.93);
  }
}

TEST_CASE("scenes: a web caption reads back as its claims, and its label is what the scene says") {
  for (const world_size size : sizes) {
    const world w(size, 2);
    for (const split part : {split::web, split::web_test})
      for (std::uint64_t i = 0; i < 2000; ++i) {
        const labelled_caption c = web_caption(w, part, i);
        INFO(c.text);
        REQUIRE(parse(c.text) == c.says);
        const bool is_true = c.says && check(*c.says, w.at(part, i)).is_true();
        REQUIRE(c.is_true == is_true);
        REQUIRE(c.is_true == (c.kind < noise::other));
        REQUIRE((c.kind == noise::vague) == (c.says && check(*c.says, w.at(part, i)).is == verdict::vague));
        REQUIRE_FALSE((c.says && names_withheld(*c.says)));
        if (c.kind == noise::none) REQUIRE(check(*c.says, w.at(part, i)).names_every_object);
        if (c.kind == noise::incomplete) REQUIRE_FALSE(check(*c.says, w.at(part, i)).names_every_object);
      }
  }
}

TEST_CASE("scenes: types of noise come at their rates") {
  for (const world_size size : {world_size::nano, world_size::base}) {
    std::map<noise, double> share;
    constexpr int n = 10'000;
    const world w(size, 12);
    double wrong = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      const labelled_caption c = web_caption(w, split::web, i);
      share[c.kind] += 100.0 / n;
      wrong += c.is_true ? 0 : 100.0 / n;
    }
    const auto near = [&](noise kind, double expected, double within) {
      INFO(noise_names[static_cast<std::size_t>(kind)]);
      CHECK(std::abs(share[kind] - expected) < within);
    };
    const bool many = size == world_size::base;
    near(noise::other, 15, 1.2);
    near(noise::boilerplate, 12, 1.2);
    near(noise::vague, 13, 1.2);
    near(noise::surface, 20, 1.5);
    near(noise::none, many ? 21.7 : 25, 1.6);
    near(noise::incomplete, many ? 3.3 : 0, 0.8);
    near(noise::colour, many ? 4.1 : 5, 0.8);
    near(noise::shape, many ? 4.1 : 5, 0.8);
    near(noise::size, many ? 2 : 3, 0.6);
    near(noise::relation, many ? 1.8 : 2, 0.6);
    near(noise::count, many ? 1.2 : 0, 0.6);
    near(noise::extra, many ? 1.5 : 0, 0.6);
    CHECK(std::abs(wrong - 42) < 1.7);
  }
}

TEST_CASE("scenes: every phrasing of the same claims reads back as them") {
  const world w(world_size::base, 8);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const claims c = describe(w.at(split::human, i), w.numbers(purpose::caption, split::human, i));
    for (int opening = 0; opening < 4; ++opening)
      for (const bool yes : {false, true}) {
        const std::string text = say(c, {.opening = opening, .long_relation = yes, .with = !yes});
        INFO(text);
        CHECK(parse(text) == c);
      }
  }
  for (const int count : {0, 1, 2, 6})
    for (int opening = 0; opening < 4; ++opening)
      for (const int noun : {0, 1}) {
        const claims c{.mentions = {{.count = count}}};
        CHECK(parse(say(c, {.opening = opening, .vague_noun = noun, .on_background = opening > 1})) == c);
      }
}

TEST_CASE("scenes: claims are held against the scene") {
  const scene two = two_things(), rings = three_rings();
  CHECK(judged("a small red circle to the left of a large blue square", two) == "true of all");
  CHECK(judged("there is a blue square right of a red circle", two) == "true of all");
  CHECK(judged("a blue square and a circle", two) == "true of all");
  CHECK(judged("a red circle", two) == "true");
  CHECK(judged("a blue shape", two) == "true");
  CHECK(judged("a blue circle", two) == "false");
  CHECK(judged("a large red circle", two) == "false");
  CHECK(judged("a red circle right of a blue square", two) == "false");
  CHECK(judged("a red circle above a blue square", two) == "false");
  CHECK(judged("a red circle and a red circle", two) == "false");
  CHECK(judged("two shapes", two) == "vague");
  CHECK(judged("some objects on a background", two) == "vague");
  CHECK(judged("a colorful picture", two) == "vague");
  CHECK(judged("three shapes", two) == "false");
  CHECK(judged("two red rings and a pink ring", rings) == "true of all");
  CHECK(judged("three rings", rings) == "true of all");
  CHECK(judged("three red rings", rings) == "false");
  CHECK(judged("a red ring left of a red ring and a pink ring", rings) == "true of all");
  CHECK(judged("a red ring left of a pink ring and a red ring", rings) == "true of all");
  CHECK(judged("a pink ring left of a red ring", rings) == "false");
}

TEST_CASE("scenes: what no caption says is unreadable") {
  const scene s = two_things();
  for (const char* text : {"", "a", "a red", "red red red", "a red circle left", "a red circle left of", "of a red circle",
                           "a red blue circle", "a small large circle", "a circles", "two circle", "free shipping",
                           "a dog on a sofa", "a red circle and", "a red circle a blue square",
                           "a red circle on a background left of a blue square", "\xff\xfe", "[UNK] circle"}) {
    INFO(text);
    CHECK(judged(text, s) == "unreadable");
  }
  CHECK(judged(std::string(100'000, 'a').c_str(), s) == "unreadable");
}

TEST_CASE("scenes: dirt is read through") {
  const scene s = two_things();
  for (const char* text : {"A SMALL RED CIRCLE!!", "a  red   circle", "a rde cirlce", "red circle ...",
                           "a red circle &amp; a blue square", "a a red circle", "picture of red circle",
                           "a red circle is to the left of a bleu sqaure"}) {
    INFO(text);
    CHECK(judged(text, s).substr(0, 4) == "true");
  }
}

TEST_CASE("scenes: the word list has every word that is written, and begins with the special tokens") {
  for (const world_size size : sizes) {
    const std::vector<std::string> list = word_list(size);
    const std::set<std::string> known(list.begin(), list.end());
    CHECK(known.size() == list.size());
    CHECK(std::vector<std::string>(list.begin(), list.begin() + 5) ==
          std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
    CHECK(list.size() < 128);
    const world w(size, 6);
    std::set<std::string> used;
    for (std::uint64_t i = 0; i < 4000; ++i) {
      std::string text = web_caption(w, split::web, i).text + " " + human_caption(w, split::human, i % 3600, 1).text;
      for (const char mark : {',', '!', '&', ';', '.'}) {  // words of their own, as BERT splits them
        const std::string alone{' ', mark, ' '};
        for (std::size_t at = 0; (at = text.find(mark, at)) != text.npos; at += 3) text.replace(at, 1, alone);
      }
      std::string word;
      for (const char c : text + " ") {
        if (c != ' ') {
          word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        } else if (!word.empty()) {
          if (word != ".") used.insert(word);
          word.clear();
        }
      }
    }
    for (const std::string& word : used) {
      INFO(word);
      CHECK(known.count(word) == 1);
    }
    CHECK(used.size() + 5 + 4 >= list.size());  // hardly a word that is never used
  }
}
