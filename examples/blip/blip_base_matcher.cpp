// SPDX-License-Identifier: Apache-2.0
#include "compiled_retriever.hpp"

namespace tool {
namespace {

constexpr blip::tower_config blip_base_sizes = blip::blip_encoder_base.structure;
constexpr blip::itc_config blip_base_features{.momentum = false};

}  // namespace

const added_model blip_base_matcher(matchers(),
                                    {"blip-base", blip::blip_encoder_base,
                                     [](const opened_model& from, const blip::matcher_options& o, const compute& on) {
                                       require_processor(on, "blip-base");
                                       return open_compiled_matcher<blip_base_sizes, blip_base_features, blip::cpu>(
                                           from, o, on);
                                     }});
const added_model blip_base_retriever(
    retrievers(), {"blip-base", blip::blip_encoder_base,
                   [](const opened_model& from, const blip::retriever_options& o, const compute& on) {
                     require_processor(on, "blip-base");
                     return open_compiled_retriever<blip_base_sizes, blip_base_features, blip::cpu>(from, o, on);
                   }});

}  // namespace tool
