// SPDX-License-Identifier: Apache-2.0
#include "compiled_grounder.hpp"

namespace tool {

const added_model albef_base_grounder(
    grounders(), {"albef-base", blip::albef_encoder_base,
                  [](const opened_model& from, const blip::grounder_options& o, const compute& on) {
                    require_processor(on, "albef-base");
                    return open_compiled_grounder<blip::albef_encoder_base.structure,
                                                  blip::itc_config{.momentum = false}, blip::cpu>(from, o, on);
                  }});

}  // namespace tool
