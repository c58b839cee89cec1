// SPDX-License-Identifier: Apache-2.0
#include "compiled_retriever.hpp"

namespace tool {
namespace {

constexpr blip::tower_config sizes = blip::albef_encoder_base.structure;
constexpr blip::itc_config features{.momentum = false};

}  // namespace

const added_model albef_base_matcher(matchers(),
                                     {"albef-base", blip::albef_encoder_base,
                                      [](const opened_model& from, const blip::matcher_options& o, const compute& on) {
                                        require_processor(on, "albef-base");
                                        return open_compiled_matcher<sizes, features, blip::cpu>(from, o, on);
                                      }});
const added_model albef_base_retriever(retrievers(), {"albef-base", blip::albef_encoder_base,
                                                      [](const opened_model& from, const blip::retriever_options& o,
                                                         const compute& on) {
                                                        require_processor(on, "albef-base");
                                                        return open_compiled_retriever<sizes, features, blip::cpu>(
                                                            from, o, on);
                                                      }});

}  // namespace tool
