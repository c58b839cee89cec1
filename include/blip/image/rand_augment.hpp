// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "blip/image/affine_map.hpp"
#include "blip/image/picture_site.hpp"
#include "blip/image/tone.hpp"

namespace blip::inline BLIP_ABI {

enum class augment_op {
  identity,
  auto_contrast,
  equalize,
  brightness,
  sharpness,
  shear_x,
  shear_y,
  translate_x,
  translate_y,
  rotate
};
inline constexpr std::array<const char*, 10> augment_op_names{"Identity",   "AutoContrast", "Equalize", "Brightness",
                                                              "Sharpness",  "ShearX",       "ShearY",   "TranslateX",
                                                              "TranslateY", "Rotate"};

// One operation at a magnitude of 0 to 10; `negative` turns the direction of the geometric ones around.
struct augment_step {
  augment_op op = augment_op::identity;
  double magnitude = 5;
  bool negative = false;

  // What the operation is given: a factor (magnitude 5 is 1: nothing changes), a shear, pixels or degrees.
  double argument() const {
    if (op < augment_op::brightness) return 0;
    const double m = magnitude / 10;
    if (op <= augment_op::sharpness) return m * 1.8 + 0.1;
    const double most = op <= augment_op::shear_y ? 0.3 : op <= augment_op::translate_y ? 10 : 30;
    return negative ? -m * most : m * most;
  }

  friend bool operator==(const augment_step&, const augment_step&) = default;
};

struct rand_augment_options {
  int steps = 2;
  double magnitude = 5;           // BLIP's; ALBEF: 7
  double probability = 0.5;       // of each step
  bool wrapped_contrast = false;  // auto_contrast as published
};

// Applies one operation in place, with the arithmetic of the published code (OpenCV 4, NumPy); pixels from outside are
// gray, 128.
inline void augment(image& picture, const augment_step& s, bool wrapped_contrast = false) {
  const double by = s.argument();
  switch (s.op) {
    case augment_op::identity:
      return;
    case augment_op::auto_contrast:
      return auto_contrast(picture, wrapped_contrast);
    case augment_op::equalize:
      return equalize(picture);
    case augment_op::brightness:
      return brighten(picture, by);
    case augment_op::sharpness:
      return sharpen(picture, by);
    case augment_op::shear_x:
      picture = warp(picture, affine_map::shear_x(by));
      return;
    case augment_op::shear_y:
      picture = warp(picture, affine_map::shear_y(by));
      return;
    case augment_op::translate_x:
      picture = warp(picture, affine_map::shift(-by, 0));
      return;
    case augment_op::translate_y:
      picture = warp(picture, affine_map::shift(0, -by));
      return;
    case augment_op::rotate:
      picture = warp(picture, affine_map::turn(by, picture.height, picture.width));
      return;
  }
}

// RandAugment (Cubuk et al. 2020) as ALBEF and BLIP use it: operations drawn uniformly, with replacement, each then
// left out or not, at a fixed magnitude and with a random direction. Uses the choices from 64 on of the site. Throws
// config_error for options out of range.
inline std::vector<augment_step> draw_augmentation(const picture_site& at, const rand_augment_options& o = {}) {
  if (o.steps < 0 || !(o.magnitude >= 0 && o.magnitude <= 10) || !(o.probability >= 0 && o.probability <= 1))
    throw config_error(
        {"rand_augment: options",
         "steps from 0 on, magnitude 0 to 10, probability 0 to 1",
         std::to_string(o.steps) + ", " + std::to_string(o.magnitude) + ", " + std::to_string(o.probability),
         {}});
  std::vector<augment_step> steps;
  for (int i = 0; i < o.steps; ++i) {
    const std::uint32_t choice = 64 + 4 * static_cast<std::uint32_t>(i);
    const auto op = static_cast<augment_op>(at.below(choice, static_cast<int>(augment_op_names.size())));
    if (at.uniform(choice + 1) < o.probability) steps.push_back({op, o.magnitude, at.uniform(choice + 2) < 0.5});
  }
  return steps;
}

inline void rand_augment(image& picture, const picture_site& at, const rand_augment_options& o = {}) {
  for (const augment_step& s : draw_augmentation(at, o)) augment(picture, s, o.wrapped_contrast);
}

}  // namespace blip::inline BLIP_ABI
