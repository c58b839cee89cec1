// SPDX-License-Identifier: Apache-2.0
#include "compiled_retriever.hpp"

namespace tool {
namespace {

constexpr blip::tower_config albef_base_sizes = blip::albef_encoder_base.structure;
constexpr blip::itc_config albef_base_features{.momentum = false};

}  // namespace

const added_model albef_base_matcher(matchers(),
                                     {"albef-base", blip::albef_encoder_base,
                                      [](const opened_model& from, const blip::matcher_options& o, const compute& on) {
                                        require_processor(on, "albef-base");
                                        return open_compiled_matcher<albef_base_sizes, albef_base_features, blip::cpu>(
                                            from, o, on);
                                      }});
const added_model albef_base_retriever(
    retrievers(), {"albef-base", blip::albef_encoder_base,
                   [](const opened_model& from, const blip::retriever_options& o, const compute& on) {
                     require_processor(on, "albef-base");
                     return open_compiled_retriever<albef_base_sizes, albef_base_features, blip::cpu>(from, o, on);
                   }});

}  // namespace tool
