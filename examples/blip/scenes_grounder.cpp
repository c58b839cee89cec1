// SPDX-License-Identifier: Apache-2.0
#include "compiled_grounder.hpp"
#include "presets.hpp"

namespace tool {

const added_model scenes_grounder(grounders(),
                                  {"scenes", scenes_judge,
                                   [](const opened_model& from, const blip::grounder_options& o, const compute& on) {
                                     constexpr blip::tower_config C = scenes_judge.structure;
                                     constexpr blip::itc_config F = blip::scenes_features;
                                     return on.plain_loops
                                                ? open_compiled_grounder<C, F, blip::reference<double>>(from, o, on)
                                                : open_compiled_grounder<C, F, blip::cpu>(from, o, on);
                                   }});
const added_model scenes_albef_grounder(
    grounders(), {"scenes", scenes_entailing,
                  [](const opened_model& from, const blip::grounder_options& o, const compute& on) {
                    require_processor(on, "scenes of ALBEF");
                    return open_compiled_grounder<scenes_entailing.structure, blip::scenes_features, blip::cpu>(from, o, on);
                  }});

}  // namespace tool
