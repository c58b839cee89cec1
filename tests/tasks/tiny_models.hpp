// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "blip/data/scenes/pairs.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "blip/text/wordpiece.hpp"
#include "support/numbers.hpp"

// Models of random weights so small that a pass takes a millisecond, and pictures of a generated world.
namespace blip_test {

using namespace blip;

inline constexpr int longest = 23;
inline constexpr vit_config vision{.width = 20, .heads = 2, .hidden = 28, .patch = 8};
constexpr text_config text_of(cross_schedule cross) {
  return {.width = 12, .heads = 3, .hidden = 20, .context = vision.width, .cross = cross};
}
inline constexpr itc_config features{.width = 6, .momentum = false};
inline constexpr evaluation_view_options view{.height = 16, .width = 24};

inline wordpiece blip_words() { return blip_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano))); }
inline wordpiece albef_words() { return albef_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano))); }

inline text_options text_options_of(int layers, int cross_from, int words) {
  return {.layers = layers,
          .cross_from = cross_from,
          .embedding = {.vocabulary = words, .positions = longest, .norm_eps = 1e-5},
          .norm_eps = 1e-5};
}
inline tower_options options_of(int layers, int cross_from, int words) {
  const text_options text = text_options_of(layers, cross_from, words);
  return {{.depth = 2, .image_height = view.height, .image_width = view.width}, text, text};
}

template <class B>
using blip_matching = blip_retrieval<encoder_structure(vision, text_of(cross_schedule::all)), B, features>;
template <class B>
using albef_matching = albef_retrieval<encoder_structure(vision, text_of(cross_schedule::from_layer)), B, features>;
template <class B>
using captioning = blip_captioner<captioner_structure(vision, text_of(cross_schedule::all)), B>;

// Weights larger than those of a fresh model, and biases too, for answers that differ.
template <class B>
void scatter(arena<B>& values) {
  std::uint64_t seed = 100;
  for (const auto& entry : values.layout()->entries()) {
    const double reach = entry.rows > 1 ? 0.7 : 0.1, middle = entry.rows == 1 && entry.name.ends_with("weight") ? 1 : 0;
    std::vector<typename B::scalar> v;
    for (const double x : random_numbers(static_cast<int>(entry.size()), ++seed, middle - reach, middle + reach))
      v.push_back(static_cast<typename B::scalar>(x));
    values.write(entry, v);
  }
}

struct seen_world {
  std::vector<image> pictures;
  std::vector<std::string> texts;
};
inline seen_world world_of(int count) {
  const scenes::pairs all(scenes::world(scenes::world_size::nano), scenes::split::test);
  seen_world w;
  for (int i = 0; i < count; ++i) {
    captioned_picture p = all.sample(static_cast<std::uint64_t>(7 * i));
    w.pictures.push_back(std::move(p.picture)), w.texts.push_back(std::move(p.caption));
  }
  return w;
}

// One picture alone, as the vision tower's rows on a tape. The pixels live in `held`.
template <class T, class Towers>
auto rows_of_picture(T& t, const Towers& towers, const image& picture,
                     buffer<typename T::backend_type, typename T::backend_type::scalar>& held) {
  using B = typename T::backend_type;
  using S = typename B::scalar;
  const std::vector<float> pixels = evaluation_pixels({&picture, 1}, view);
  const std::vector<S> as(pixels.begin(), pixels.end());
  held = buffer<B, S>(std::span<const S>(as));
  const int size = 3 * view.height * view.width;
  return towers.images(t, images<T>(t.input({held.data(), 1, size, size, nullptr}), 3, view.height, view.width));
}

}  // namespace blip_test
