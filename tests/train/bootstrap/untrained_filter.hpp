// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/backend/cpu.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/blip.hpp"
#include "blip/train/bootstrap_data.hpp"
#include "blip/train/bootstrap_measures.hpp"

namespace blip_test {

using namespace blip;

// A filter that was never trained, and the first pictures of the test split: what is looked at is how it is measured.
class untrained_filter {
  static constexpr vit_config vision{.width = 16, .heads = 2, .hidden = 20, .patch = 16};
  static constexpr text_config words{.width = 12, .heads = 2, .hidden = 20, .context = 16, .cross = cross_schedule::all};
  static constexpr itc_config features{.width = 6, .momentum = false};

 public:
  using model_type = blip_retrieval<encoder_structure(vision, words), cpu, features>;

  const model_type& model() const { return *owned_; }
  const arena<cpu>& values() const { return owned_.values(); }

  device<cpu> on{{.threads = 1}};
  wordpiece tokens = blip_tokenizer(vocabulary(scenes::word_list(scenes::world_size::nano)));
  evaluation_view_options view{.height = 32, .width = 32};
  measured_pairs pairs = first_pictures(scenes::pairs(scenes::world(scenes::world_size::nano), scenes::split::test), 23);

 private:
  owned<model_type, cpu> owned_{
      3,
      tower_options{{.depth = 1, .image_height = 32, .image_width = 32},
                    {.layers = 2, .embedding = {.vocabulary = tokens.size(), .positions = 24}},
                    {}},
      itc<features>(itc_options{.queue = 0}), itm<>()};
};

}  // namespace blip_test
