// SPDX-License-Identifier: Apache-2.0
#include "compiled.hpp"

namespace tool {

const compiled_model<match_task, blip::matcher_options> blip_base_matcher{
    "blip-base", blip::blip_encoder_base,
    [](const opened_model& from, const blip::matcher_options& o, const compute& on) {
      require_processor(on, "blip-base");
      return open_compiled_matcher<blip::blip_encoder_base.structure, blip::itc_config{.momentum = false}, blip::cpu>(
          from, o, on);
    }};

}  // namespace tool
