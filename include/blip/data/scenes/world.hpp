// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/scenes/draws.hpp"
#include "blip/data/scenes/scene.hpp"

namespace blip::inline BLIP_ABI::scenes {

enum class world_size : std::uint8_t { nano, mini, base };

// human: clean captions, for training. web: noisy ones. test, web_test: the same two, of pictures that no training sees.
// withheld: clean captions of pictures that hold a pair of colour and shape that no other split shows or names.
enum class split : std::uint8_t { human, web, test, web_test, withheld };

inline constexpr std::array<const char*, 3> size_names{"nano", "mini", "base"};
inline constexpr std::array<const char*, 5> split_names{"human", "web", "test", "web-test", "withheld"};

// What a world of a size holds.
struct world_rules {
  std::int32_t pixels;
  int objects, shapes, colours, magnitudes, textures, backdrops;  // at most so many objects; the first ones of each kind
  std::array<std::int64_t, 5> pictures;                           // by split
  bool twins, shadows;
};

inline constexpr std::array<world_rules, 3> all_rules{
    {{32, 2, 6, 8, 2, 1, 2, {3'600, 26'400, 1'000, 2'000, 500}, false, false},
     {32, 2, 6, 8, 2, 1, 2, {28'800, 211'200, 2'000, 4'000, 1'000}, true, false},
     {224, 6, 8, 10, 3, 4, 6, {60'000, 440'000, 5'000, 5'000, 2'000}, false, true}}};

// Pairs that no training picture holds and no training caption names, in worlds that have both.
constexpr bool is_withheld(shape s, colour c) {
  return (s == shape::square && c == colour::red) || (s == shape::triangle && c == colour::green) ||
         (s == shape::ring && c == colour::blue) || (s == shape::cross && c == colour::yellow) ||
         (s == shape::star && c == colour::purple) || (s == shape::moon && c == colour::orange);
}

// A world: scene i of a split of a seed is a pure function. Its nano size is 32 x 32 pixels, one or two things at places
// that vary by half a pixel; base is 224 x 224 with up to six things that overlap. In mini half of the odd scenes are
// twins: the scene before with one thing changed, half of those the two places swapped.
class world {
 public:
  explicit world(world_size s, std::uint64_t seed = 0) : size_(s), seed_(seed) {
    for (int f = 0; f < rules().shapes; ++f)
      for (int h = 0; h < rules().colours; ++h) {
        const kind k{static_cast<shape>(f), static_cast<colour>(h)};
        (is_withheld(k.first, k.second) ? withheld_ : usual_).push_back(k);
      }
  }

  world_size size() const { return size_; }
  std::uint64_t seed() const { return seed_; }
  const world_rules& rules() const { return all_rules[static_cast<std::size_t>(size_)]; }
  std::uint64_t pictures(split part) const {
    return static_cast<std::uint64_t>(rules().pictures[static_cast<std::size_t>(part)]);
  }
  // Human-like captions that each picture of a split has.
  static int captions(split part) { return part == split::web || part == split::web_test ? 1 : 3; }
  // How many neighbours belong into one batch.
  std::uint64_t block() const { return rules().twins ? 2 : 1; }
  draws numbers(purpose p, split part, std::uint64_t index, std::uint32_t which = 0) const {
    return {seed_, p, static_cast<std::uint32_t>(part) | which << 8, index};
  }

  // Throws shape_error for an index beyond the split.
  scene at(split part, std::uint64_t index) const {
    if (index >= pictures(part))
      throw shape_error({std::string("scenes::world: picture of split ") + split_names[static_cast<std::size_t>(part)],
                         "0 to " + std::to_string(pictures(part) - 1), std::to_string(index), {}});
    const draws twin = numbers(purpose::twin, part, index);
    const bool copies = rules().twins && index % 2 == 1 && twin.chance(0, 50);
    scene s = alone(part, copies ? index - 1 : index);
    if (copies) change(s, part, twin);
    const draws grain = numbers(purpose::grain, part, index);
    s.grain_seed = std::uint64_t{grain.bits(0)} << 32 | grain.bits(1);
    return s;
  }

 private:
  using kind = std::pair<shape, colour>;

  kind usual(const draws& d, std::uint32_t slot) const {
    return usual_[static_cast<std::size_t>(d.below(slot, static_cast<int>(usual_.size())))];
  }

  scene alone(split part, std::uint64_t index) const {
    const draws d = numbers(purpose::scene, part, index);
    scene s{.pixels = rules().pixels, .shadows = rules().shadows, .grain = 1958};  // 0.03 of 255 levels
    s.behind = ground(d);
    const bool roomy = size_ == world_size::base;
    const int count = roomy ? d.between(8, 1, rules().objects) : 1 + static_cast<int>(d.chance(8, 60));
    for (int i = 0; i < count; ++i) s.objects.push_back(thing(d, 32 + 16 * static_cast<std::uint32_t>(i), s, roomy));
    if (part == split::withheld) {
      const auto at = static_cast<std::size_t>(d.below(9, count));
      const auto which = static_cast<std::size_t>(d.below(10, static_cast<int>(withheld_.size())));
      s.objects[at].form = withheld_[which].first, s.objects[at].hue = withheld_[which].second;
    }
    roomy ? place_on_grid(d, s) : place_on_axis(d, s);
    return s;
  }

  background ground(const draws& d) const {
    background b;
    const int grey = d.between(0, 20, 105);
    for (std::size_t c = 0; c < 3; ++c)
      b.rgb[c] = static_cast<std::uint8_t>(grey + d.between(1 + static_cast<std::uint32_t>(c), -12, 12));
    if (!d.chance(4, 60)) return b;
    b.kind = static_cast<backdrop>(d.between(5, 1, rules().backdrops - 1));
    const int scale = rules().pixels / 32;
    b.period = d.between(6, 2 * scale, 5 * scale), b.amplitude = d.between(7, 6, 14);
    constexpr std::array<std::pair<int, int>, 4> directions{{{1, 0}, {0, 1}, {1, 1}, {1, -1}}};
    std::tie(b.along_x, b.along_y) = directions[static_cast<std::size_t>(d.below(11, 4))];
    b.phase = d.below(12, 2 * b.period);
    return b;
  }

  object thing(const draws& d, std::uint32_t slot, const scene& s, bool roomy) const {
    object o;
    std::tie(o.form, o.hue) = usual(d, slot);
    if (roomy && !s.objects.empty() && d.chance(slot + 1, 35)) {  // something to count
      const object& like = s.objects[static_cast<std::size_t>(d.below(slot + 2, static_cast<int>(s.objects.size())))];
      o.form = like.form, o.hue = like.hue;
    } else if (!roomy && !s.objects.empty() && o.form == s.objects[0].form && o.hue == s.objects[0].hue) {
      // Two of the same would make every relation true: the next kind instead.
      for (std::size_t i = 0; i < usual_.size(); ++i)
        if (usual_[i] == kind{o.form, o.hue}) {
          std::tie(o.form, o.hue) = usual_[(i + 1) % usual_.size()];
          break;
        }
    }
    o.scale = static_cast<magnitude>(d.below(slot + 3, rules().magnitudes));
    if (rules().textures > 1 && d.chance(slot + 4, 40)) o.fill = static_cast<texture>(d.between(slot + 5, 1, rules().textures - 1));
    o.radius = radius(o.scale, d.below(slot + 6, 1 << 16));
    for (std::size_t c = 0; c < 3; ++c)
      o.tint[c] = static_cast<std::int16_t>(d.between(slot + 7 + static_cast<std::uint32_t>(c), -15, 15));
    return o;
  }

  // Radii in tenths of a pixel: nano 3.6 to 4.4 and 6.3 to 7.3, base 12 to 15, 34 to 40 and 21 to 26.
  std::int32_t radius(magnitude m, std::int32_t where) const {
    constexpr std::array<std::array<std::int32_t, 2>, 3> close{{{36, 44}, {63, 73}, {48, 54}}}, wide{{{120, 150}, {340, 400}, {210, 260}}};
    const auto& range = (size_ == world_size::base ? wide : close)[static_cast<std::size_t>(m)];
    return range[0] * 256 / 10 + static_cast<std::int32_t>((std::int64_t{range[1] - range[0]} * 256 * where / 10) >> 16);
  }

  // One thing near the middle, or two at 8 pixels from it on one axis. Half a pixel of jitter for two, because more of
  // it makes shapes hard to learn out of all proportion.
  static void place_on_axis(const draws& d, scene& s) {
    const bool two = s.objects.size() == 2;
    const int jitter = two ? 128 : 384, middle = s.pixels * 128, apart = s.pixels * 64;
    const bool horizontal = d.chance(13, 50);
    for (std::size_t i = 0; i < s.objects.size(); ++i) {
      const auto slot = 16 + 2 * static_cast<std::uint32_t>(i);
      const int offset = two ? (i == 0 ? -apart : apart) : 0;
      s.objects[i].x = middle + (horizontal ? offset : 0) + d.between(slot, -jitter, jitter);
      s.objects[i].y = middle + (horizontal ? 0 : offset) + d.between(slot + 1, -jitter, jitter);
    }
  }

  // Different cells of a 3 x 3 grid, with jitter of a thirteenth of the picture: neighbours may overlap, and at least
  // half of each shows.
  static void place_on_grid(const draws& d, scene& s) {
    std::array<int, 9> cells{0, 1, 2, 3, 4, 5, 6, 7, 8};
    const int cell = s.pixels * 256 / 3, jitter = s.pixels * 20;
    for (std::size_t i = 0; i < s.objects.size(); ++i) {
      const auto slot = 32 + 16 * static_cast<std::uint32_t>(i);
      std::swap(cells[i], cells[i + static_cast<std::size_t>(d.below(slot + 11, 9 - static_cast<int>(i)))]);
      s.objects[i].x = cells[i] % 3 * cell + cell / 2 + d.between(slot + 12, -jitter, jitter);
      s.objects[i].y = cells[i] / 3 * cell + cell / 2 + d.between(slot + 13, -jitter, jitter);
    }
  }

  // Makes a twin: the two places swapped, or one attribute of one thing changed.
  void change(scene& s, split part, const draws& d) const {
    if (s.objects.size() == 2 && d.chance(1, 50)) {
      std::swap(s.objects[0].x, s.objects[1].x), std::swap(s.objects[0].y, s.objects[1].y);
      std::swap(s.objects[0], s.objects[1]);  // the first one stays the left or upper one
      return;
    }
    object& o = s.objects[static_cast<std::size_t>(d.below(2, static_cast<int>(s.objects.size())))];
    if (part == split::withheld || d.below(3, 3) == 0) {
      o.scale = o.scale == magnitude::small ? magnitude::large : magnitude::small;
      o.radius = radius(o.scale, d.below(4, 1 << 16));
      return;
    }
    const bool recolour = d.chance(5, 50);
    std::vector<kind> other;  // kinds that differ in this one attribute and from the neighbour
    for (const kind& k : usual_) {
      const bool alike = recolour ? k.first == o.form && k.second != o.hue : k.first != o.form && k.second == o.hue;
      bool taken = false;
      for (const object& p : s.objects) taken = taken || (p.form == k.first && p.hue == k.second);
      if (alike && !taken) other.push_back(k);
    }
    std::tie(o.form, o.hue) = other[static_cast<std::size_t>(d.below(6, static_cast<int>(other.size())))];
  }

  world_size size_;
  std::uint64_t seed_;
  std::vector<kind> usual_, withheld_;
};

}  // namespace blip::inline BLIP_ABI::scenes
