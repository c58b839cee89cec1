// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

template <class... X>
struct type_list {};

template <class... L>
struct joined_lists;
template <class... X>
struct joined_lists<type_list<X...>> {
  using type = type_list<X...>;
};
template <class... X, class... Y, class... L>
struct joined_lists<type_list<X...>, type_list<Y...>, L...> : joined_lists<type_list<X..., Y...>, L...> {};

// What a loss may ask of the towers and of the losses before it. Each knows the sentence that says so when it is missing.
namespace need {

struct image_states {  // rows of the vision tower
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss needs image states, but the towers have no vision tower");
  }
};
struct class_states {  // of each picture the class token's row
  template <bool Met>
  static consteval void require() {
    image_states::require<Met>();
  }
};
struct text_states {  // rows of the text tower alone
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss needs text states, but the towers have no text encoder");
  }
};
struct feature_states {  // of each text the row that stands for it
  template <bool Met>
  static consteval void require() {
    text_states::require<Met>();
  }
};
struct states_to_fuse {  // text states where fusion carries them on; nothing where texts that read begin anew
  template <bool Met>
  static consteval void require() {
    text_states::require<Met>();
  }
};
struct fusion {  // texts that read one image each
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss lets texts read one image each, but the text encoder has no "
                       "cross-attention, or reads two (text_config::reading)");
  }
};
struct pairs {  // texts that read two images each; the batch has the first ones of all texts, then the second ones
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss lets texts read two images each, but the text encoder does "
                       "not; set text_config::reading");
  }
};
struct chosen_pairs {  // texts that read two images each, any of the batch
  template <bool Met>
  static consteval void require() {
    pairs::require<Met>();
  }
};
struct masked_words {  // a word head on the text encoder
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss predicts masked words, but the text encoder has no head; set "
                       "tower_config::masked_head");
  }
};
struct decoder {
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss needs a decoder, but the towers have none; set "
                       "tower_config::decoder");
  }
};
struct averaged_decoder {  // the decoder of the momentum model
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a distilled loss needs the momentum model's decoder; set "
                       "tower_config::average_decoder");
  }
};
struct similarity {  // scores of every image with every text of the batch
  template <bool Met>
  static consteval void require() {
    static_assert(Met, "blip::vision_language_model: a loss draws negatives by similarity; list itc before it");
  }
};
struct momentum {};         // the momentum model's states; any towers have them
struct momentum_fusion {};  // the same, and its texts read its images

}  // namespace need

template <class X, class List>
inline constexpr bool contains = false;
template <class X, class... Y>
inline constexpr bool contains<X, type_list<Y...>> = (std::same_as<X, Y> || ...);

}  // namespace blip::inline BLIP_ABI
