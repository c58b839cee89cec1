// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/data/pair_source.hpp"

namespace blip::inline BLIP_ABI {

// What is known of a sample without its picture: how the picture is called, and all that was said of it.
struct pair_text {
  std::string picture{};
  std::vector<std::string> captions{};

  friend bool operator==(const pair_text&, const pair_text&) = default;
};

// Pairs that can be found again: text(i) tells of sample i without making its picture, picture(name) makes the picture
// of that name. A sample's id is this name, the one that the data use: a path below their root. A pair_source; several
// threads may ask at once. Throws what the data throw; format_error for a caption that is not UTF-8.
class pair_set {
 public:
  using text_finder = std::function<pair_text(std::uint64_t)>;
  using picture_finder = std::function<image(const std::string& name)>;

  pair_set(any_pairs pairs, text_finder text, picture_finder picture)
      : pairs_(std::move(pairs)), text_(std::move(text)), picture_(std::move(picture)) {}

  std::uint64_t size() const { return pairs_.size(); }
  std::uint64_t block() const { return pairs_.block(); }
  captioned_picture sample(std::uint64_t i, std::uint64_t turn = 0) const {
    captioned_picture made = pairs_.sample(i, turn);
    made.id = name(i);
    if (!simdjson::validate_utf8(made.caption.data(), made.caption.size()))
      throw format_error({"the caption of " + made.id.substr(0, 200), "UTF-8", "something else", {}});
    return made;
  }
  pair_text text(std::uint64_t i) const { return text_(i); }
  std::string name(std::uint64_t i) const { return text_(i).picture; }
  image picture(const std::string& name) const { return picture_(name); }

 private:
  any_pairs pairs_;
  text_finder text_;
  picture_finder picture_;
};
static_assert(pair_source<pair_set>);

namespace detail {

// Some samples of a set, by their numbers.
struct chosen_pairs {
  pair_set all;
  std::shared_ptr<const std::vector<std::uint64_t>> which;

  std::uint64_t size() const { return which->size(); }
  std::uint64_t place(std::uint64_t i) const { return which->at(static_cast<std::size_t>(i)); }
  captioned_picture sample(std::uint64_t i, std::uint64_t turn) const { return all.sample(place(i), turn); }
  captioned_picture sample(std::uint64_t i) const { return sample(i, 0); }
};

// One set behind the other.
struct joined_pairs {
  std::shared_ptr<const std::vector<pair_set>> parts;

  std::uint64_t size() const {
    std::uint64_t n = 0;
    for (const pair_set& p : *parts) n += p.size();
    return n;
  }
  std::pair<std::size_t, std::uint64_t> place(std::uint64_t i) const {
    for (std::size_t k = 0; k < parts->size(); ++k) {
      if (i < (*parts)[k].size()) return {k, i};
      i -= (*parts)[k].size();
    }
    throw shape_error({"joined pairs: sample", "below " + std::to_string(size()), std::to_string(size() + i), {}});
  }
  captioned_picture sample(std::uint64_t i, std::uint64_t turn) const {
    const auto [part, within] = place(i);
    return (*parts)[part].sample(within, turn);
  }
  captioned_picture sample(std::uint64_t i) const { return sample(i, 0); }
};

}  // namespace detail

// The samples of these numbers, in this order.
inline pair_set choose_pairs(const pair_set& all, std::vector<std::uint64_t> which) {
  const detail::chosen_pairs some{all, std::make_shared<const std::vector<std::uint64_t>>(std::move(which))};
  return {some, [some](std::uint64_t i) { return some.all.text(some.place(i)); },
          [all](const std::string& name) { return all.picture(name); }};
}

// Several sets as one, each one behind the other. One alone is itself; of several, the name of a picture begins with
// the number of its set: "1:cats/07.jpg", because sets may use one name for different pictures. Throws config_error for
// none.
inline pair_set join_pairs(std::vector<pair_set> sets) {
  if (sets.empty()) throw config_error({"join_pairs", "at least one set", "none", {}});
  if (sets.size() == 1) return std::move(sets[0]);
  const detail::joined_pairs all{std::make_shared<const std::vector<pair_set>>(std::move(sets))};
  const auto text = [all](std::uint64_t i) {
    const auto [part, within] = all.place(i);
    pair_text t = (*all.parts)[part].text(within);
    t.picture = std::to_string(part) + ":" + t.picture;
    return t;
  };
  const auto picture = [all](const std::string& name) {
    std::size_t part = 0;
    const auto [end, e] = std::from_chars(name.data(), name.data() + name.size(), part);
    if (e != std::errc() || end == name.data() + name.size() || *end != ':' || part >= all.parts->size())
      throw format_error({"the name of a picture of several sets",
                          "NUMBER:NAME, the number below " + std::to_string(all.parts->size()),
                          "\"" + name.substr(0, 64) + "\"",
                          {}});
    return (*all.parts)[part].picture(std::string(end + 1, name.data() + name.size()));
  };
  return {all, text, picture};
}

}  // namespace blip::inline BLIP_ABI
