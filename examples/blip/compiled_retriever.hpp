// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "blip/models/albef.hpp"
#include "compiled.hpp"

namespace tool {

template <blip::tower_config C, blip::itc_config F, class B>
class compiled_retriever final : public retrieve_task {
  using model_type = blip::blip_retrieval<C, B, F>;

 public:
  compiled_retriever(const opened_model& from, const blip::retriever_options& o, const compute& on)
      : device_(options_of<B>(on)),
        model_(device_, from, blip::itc<F>(blip::itc_options{.queue = 0}), blip::itm<>()),
        retriever_(*model_, model_.values(), from.tokens, within_positions(o, from)) {}

  std::vector<std::vector<blip::found_match>> find_pictures(int count, const blip::picture_source& pictures,
                                                            std::span<const std::string> texts, int top) override {
    const auto words = retriever_.texts(device_, texts);
    return retriever_.find_pictures(device_, retriever_.pictures(device_, count, pictures), words, top);
  }
  blip::retrieval_matrices scores(int count, const blip::picture_source& pictures,
                                  std::span<const std::string> texts) override {
    const auto words = retriever_.texts(device_, texts);
    return retriever_.scores(device_, retriever_.pictures(device_, count, pictures), words);
  }

 private:
  blip::device<B> device_;
  loaded_model<model_type> model_;
  blip::retriever<model_type> retriever_;
};

template <blip::tower_config C, blip::itc_config F, class B>
std::unique_ptr<retrieve_task> open_compiled_retriever(const opened_model& from, const blip::retriever_options& o,
                                                       const compute& on) {
  require_features(from, F.width);
  return std::make_unique<compiled_retriever<C, F, B>>(from, o, on);
}

}  // namespace tool
