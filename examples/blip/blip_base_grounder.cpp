// SPDX-License-Identifier: Apache-2.0
#include "compiled_grounder.hpp"

namespace tool {

const added_model blip_base_grounder(
    grounders(),
    {"blip-base", blip::blip_encoder_base,
     [](const opened_model& from, const blip::grounder_options& o, const compute& on) {
       require_processor(on, "blip-base");
       return open_compiled_grounder<blip::blip_encoder_base.structure, blip::itc_config{.momentum = false}, blip::cpu>(
           from, o, on);
     }});

}  // namespace tool
