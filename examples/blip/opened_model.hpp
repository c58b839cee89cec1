// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "blip/config/towers.hpp"
#include "blip/image/evaluation_view.hpp"
#include "blip/io/weights_file.hpp"
#include "blip/tasks/profile.hpp"
#include "blip/text/wordpiece.hpp"

namespace tool {

// Where a model comes from, as the command line says it.
struct model_options {
  std::string path, preset, vocabulary, profile{};  // no profile: by the layout
};

enum class model_task { caption, match, answer, entail, reason };

// A model that was found, but for its parameters.
struct opened_model {
  std::string path;
  std::optional<blip::weights_file> weights;  // none: drawn at random
  blip::tower_preset sizes;
  int features = 256;  // width of the contrastive features
  blip::wordpiece tokens;
  blip::evaluation_view_options view{};
  bool of_transformers = false;  // a folder in the layout of Hugging Face
  blip::profile_rules rules{};   // whose code is followed

  // Whether texts begin without pictures, as in ALBEF.
  bool of_albef() const { return sizes.structure.text.cross == blip::cross_schedule::from_layer; }
};

// A folder in the layout of Hugging Face, or a file of weights with the name of its size and a vocabulary. Throws
// config_error for what is not said, and what readers throw.
opened_model open_model(const model_options& o, model_task task);
// A model of a compiled size that knows nothing, for measurements: its parameters are drawn at random, its words made up.
opened_model unlearned_model(std::string_view preset, const blip::tower_preset& sizes);

}  // namespace tool
