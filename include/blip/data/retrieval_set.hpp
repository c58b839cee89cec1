// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/data/captioned_record.hpp"

namespace blip::inline BLIP_ABI {

// What retrieval is evaluated on: pictures, all their captions in order, and which belong together.
struct retrieval_set {
  std::vector<std::string> images{}, texts{};
  std::vector<int> image_of_text{};
  std::vector<std::vector<int>> texts_of_image{};
};

// From the records of coco_karpathy_test.json, flickr30k_test.json and their like.
inline retrieval_set make_retrieval_set(const std::vector<captioned_record>& records) {
  retrieval_set set;
  for (const captioned_record& r : records) {
    std::vector<int> own;
    for (const std::string& caption : r.captions) {
      own.push_back(static_cast<int>(set.texts.size()));
      set.texts.push_back(caption);
      set.image_of_text.push_back(static_cast<int>(set.images.size()));
    }
    set.images.push_back(r.image);
    set.texts_of_image.push_back(std::move(own));
  }
  return set;
}

// The numbers of training pictures for objectives that treat all captions of one picture as right: equal ids get equal
// numbers, counted up as they first come.
inline std::vector<int> number_ids(const std::vector<captioned_record>& records) {
  std::vector<int> numbers;
  std::unordered_map<std::string, int> known;
  for (const captioned_record& r : records) numbers.push_back(known.emplace(r.id, static_cast<int>(known.size())).first->second);
  return numbers;
}

}  // namespace blip::inline BLIP_ABI
