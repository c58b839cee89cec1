// SPDX-License-Identifier: Apache-2.0
#include "compiled.hpp"
#include "presets.hpp"

namespace tool {

const added_model scenes_captioner(captioners(),
                                   {"scenes", scenes_writer,
                                    [](const opened_model& from, const blip::captioner_options& o, const compute& on) {
                                      constexpr blip::tower_config C = scenes_writer.structure;
                                      return on.plain_loops
                                                 ? open_compiled_captioner<C, blip::reference<double>>(from, o, on)
                                                 : open_compiled_captioner<C, blip::cpu>(from, o, on);
                                    }});

}  // namespace tool
