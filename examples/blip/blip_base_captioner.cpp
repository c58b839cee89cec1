// SPDX-License-Identifier: Apache-2.0
#include "compiled.hpp"

namespace tool {

const added_model blip_base_captioner(
    captioners(), {"blip-base", blip::blip_captioner_base,
                   [](const opened_model& from, const blip::captioner_options& o, const compute& on) {
                     require_processor(on, "blip-base");
                     return open_compiled_captioner<blip::blip_captioner_base.structure, blip::cpu>(from, o, on);
                   }});

}  // namespace tool
