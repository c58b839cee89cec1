// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "blip/image/crop_rule.hpp"
#include "blip/image/rand_augment.hpp"
#include "blip/image/resize.hpp"

namespace blip::inline BLIP_ABI {

// How training looks at a picture. Pre-training of both families: the defaults, but for ALBEF's magnitude of 7.
struct training_view_options {
  int height = 224, width = 224;
  std::optional<crop_rule> crop = crop_rule{};  // none: the whole picture, as ALBEF's grounding takes it
  double mirrored = 0.5;                        // probability
  rand_augment_options augment{};
  resize_filter filter = resize_filter::bicubic;
};

// A random crop, resized, perhaps mirrored, augmented: equal for equal sites, whatever else was drawn. With
// normalise() it makes pixels for the vision tower. Throws what its parts throw.
inline image training_view(image_view picture, const picture_site& at, const training_view_options& o = {}) {
  if (o.crop) picture = image_view(picture, random_crop(picture.height, picture.width, at, *o.crop));
  image view = resize(picture, o.height, o.width, o.filter);
  if (at.uniform(40) < o.mirrored) mirror(view);
  rand_augment(view, at, o.augment);
  return view;
}

}  // namespace blip::inline BLIP_ABI
