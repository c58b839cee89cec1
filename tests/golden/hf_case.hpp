// SPDX-License-Identifier: Apache-2.0
#pragma once

// A golden model in the folder layout of transformers: the sizes that its config.json states, its folder, its results
// within the tolerances that its case states.
#include <cmath>
#include <string>
#include <vector>

#include "blip/io/model_folder.hpp"
#include "blip/models/blip.hpp"
#include "golden_case.hpp"
#include "golden_config.hpp"  // written at configure time from the model's config.json

namespace golden::hf {

namespace c = blip_golden;

constexpr blip::vit_config vision{.width = c::vision_config_hidden_size,
                                  .heads = c::vision_config_num_attention_heads,
                                  .hidden = c::vision_config_intermediate_size,
                                  .patch = c::vision_config_patch_size};
// The text tower; a captioner's decoder is the same.
constexpr blip::text_config text{.width = c::text_config_hidden_size,
                                 .heads = c::text_config_num_attention_heads,
                                 .hidden = c::text_config_intermediate_size,
                                 .context = c::vision_config_hidden_size,
                                 .cross = blip::cross_schedule::all};
constexpr blip::itc_config features{.width = c::image_text_hidden_size, .momentum = false};

template <class B>
struct published {
  using S = typename B::scalar;

  const std::string directory{c::directory};
  blip::model_folder folder{directory + "/model"};
  stored expected{directory + "/expected.safetensors"};
  blip::device<B> dev{};

  int size(const std::string& name, std::size_t axis) const { return static_cast<int>(expected.shape(name)[axis]); }

  void compare(const std::string& name, const std::vector<S>& actual, const std::vector<double>& want) const {
    INFO(name);
    REQUIRE(actual.size() == want.size());
    const double absolute = sizeof(S) == 8 ? 1e-6 : 2e-4, relative = sizeof(S) == 8 ? 2e-7 : 2e-4;
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - want[i]) - relative * std::abs(want[i]));
    CHECK(worst <= absolute);
  }
  void compare(const std::string& name, const std::vector<S>& actual) const {
    compare(name, actual, expected.template read<double>(name));
  }
  // Of padded states [n, length, width] the rows that a text has.
  void compare(const std::string& name, const std::vector<S>& actual, const packing& rows) const {
    compare(name, actual, rows.pack(expected.template read<double>(name), size(name, 2)));
  }

  // What a tower makes of the stored pictures [n, 3, side, side]. The pixels must outlive the tape.
  template <class Towers, class T>
  auto see(const Towers& towers, T& t, const blip::buffer<B, S>& pixels, const std::string& name) const {
    const int side = size(name, 3), width = 3 * side * side;
    return towers.images(t, blip::images<T>(t.input({pixels.data(), size(name, 0), width, width, nullptr}), 3, side, side));
  }
  blip::buffer<B, S> pixels(const std::string& name) const {
    return blip::buffer<B, S>(std::span<const S>(expected.template read<S>(name)));
  }
  // The rows of a mask, and the texts that they are of.
  packing rows_of(const std::string& mask) const { return {expected.template read<int>(mask), size(mask, 0)}; }
  std::vector<std::vector<int>> texts(const std::string& ids, const packing& rows) const {
    const auto all = expected.template read<int>(ids);
    std::vector<std::vector<int>> out(rows.lengths.size());
    for (const int r : rows.rows)
      out[static_cast<std::size_t>(r) / static_cast<std::size_t>(size(ids, 1))].push_back(all[static_cast<std::size_t>(r)]);
    return out;
  }
};

}  // namespace golden::hf
