// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "blip/core/error.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/scenes/render.hpp"
#include "blip/data/scenes/web_caption.hpp"
#include "blip/data/scenes/world.hpp"

namespace blip::inline BLIP_ABI::scenes {

// A split of a world as pairs of picture and caption. Sample i is a pure function of (size, seed, split, i), made anew
// whenever it is asked for. Where a picture has three captions they are three samples; a twin is at i ^ 1.
class pairs {
 public:
  pairs(world w, split part) : world_(std::move(w)), part_(part) {}

  const world& of() const { return world_; }
  split part() const { return part_; }
  std::uint64_t size() const { return world_.pictures(part_) * captions(); }
  std::uint64_t block() const { return world_.block(); }

  // Which picture sample i shows, and which caption of it it is.
  std::uint64_t picture_of(std::uint64_t i) const { return i / (captions() * block()) * block() + i % block(); }
  std::uint32_t caption_of(std::uint64_t i) const { return static_cast<std::uint32_t>(i / block() % captions()); }
  scene scene_of(std::uint64_t i) const { return world_.at(part_, picture_of(i)); }
  labelled_caption caption(std::uint64_t i) const {
    return is_web() ? web_caption(world_, part_, i) : human_caption(world_, part_, picture_of(i), caption_of(i));
  }

  captioned_picture sample(std::uint64_t i) const {
    if (i >= size())
      throw shape_error({"scenes::pairs: sample", "0 to " + std::to_string(size() - 1), std::to_string(i), {}});
    return {render(scene_of(i)), caption(i).text, name(i)};
  }
  std::string name(std::uint64_t i) const {
    return std::string(size_names[static_cast<std::size_t>(world_.size())]) + "/" + std::to_string(world_.seed()) + "/" +
           split_names[static_cast<std::size_t>(part_)] + "/" + std::to_string(picture_of(i));
  }

 private:
  bool is_web() const { return part_ == split::web || part_ == split::web_test; }
  std::uint64_t captions() const { return static_cast<std::uint64_t>(world::captions(part_)); }

  world world_;
  split part_;
};

}  // namespace blip::inline BLIP_ABI::scenes
