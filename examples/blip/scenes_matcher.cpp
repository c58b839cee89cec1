// SPDX-License-Identifier: Apache-2.0
#include "compiled_retriever.hpp"
#include "presets.hpp"

namespace tool {
namespace {

constexpr blip::tower_config C = scenes_judge.structure;
constexpr blip::itc_config F = blip::scenes_features;
constexpr blip::tower_config A = scenes_entailing.structure;  // ALBEF's

}  // namespace

const added_model scenes_matcher(matchers(),
                                 {"scenes", scenes_judge,
                                  [](const opened_model& from, const blip::matcher_options& o, const compute& on) {
                                    return on.plain_loops
                                               ? open_compiled_matcher<C, F, blip::reference<double>>(from, o, on)
                                               : open_compiled_matcher<C, F, blip::cpu>(from, o, on);
                                  }});
const added_model scenes_retriever(retrievers(),
                                   {"scenes", scenes_judge,
                                    [](const opened_model& from, const blip::retriever_options& o, const compute& on) {
                                      return on.plain_loops
                                                 ? open_compiled_retriever<C, F, blip::reference<double>>(from, o, on)
                                                 : open_compiled_retriever<C, F, blip::cpu>(from, o, on);
                                    }});
const added_model scenes_albef_matcher(matchers(),
                                       {"scenes", scenes_entailing,
                                        [](const opened_model& from, const blip::matcher_options& o, const compute& on) {
                                          require_processor(on, "scenes of ALBEF");
                                          return open_compiled_matcher<A, F, blip::cpu>(from, o, on);
                                        }});
const added_model scenes_albef_retriever(retrievers(),
                                         {"scenes", scenes_entailing,
                                          [](const opened_model& from, const blip::retriever_options& o,
                                             const compute& on) {
                                            require_processor(on, "scenes of ALBEF");
                                            return open_compiled_retriever<A, F, blip::cpu>(from, o, on);
                                          }});

}  // namespace tool
