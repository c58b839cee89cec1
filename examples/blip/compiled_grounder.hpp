// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/albef.hpp"
#include "compiled.hpp"

namespace tool {

template <blip::tower_config C, blip::itc_config F, class B>
class compiled_grounder final : public ground_task {
  using model_type = blip::blip_retrieval<C, B, F>;

 public:
  compiled_grounder(const opened_model& from, const blip::grounder_options& o, const compute& on)
      : device_(options_of<B>(on)),
        model_(device_, from, blip::itc<F>(blip::itc_options{.queue = 0}), blip::itm<>()),
        grounder_(*model_, model_.values(), from.tokens, within_positions(o, from)) {}

  blip::grounding ground(const blip::image& picture, const std::string& text) override {
    return grounder_(device_, picture, text);
  }

 private:
  blip::device<B> device_;
  loaded_model<model_type, false> model_;
  blip::grounder<model_type> grounder_;
};

template <blip::tower_config C, blip::itc_config F, class B>
std::unique_ptr<ground_task> open_compiled_grounder(const opened_model& from, const blip::grounder_options& o,
                                                    const compute& on) {
  require_features(from, F.width);
  return std::make_unique<compiled_grounder<C, F, B>>(from, o, on);
}

}  // namespace tool
