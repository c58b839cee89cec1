// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tasks.hpp"

namespace tool {

// The sizes of -DBLIP_PRESETS (added_models.cmake); a build without has none (nothing_added.cpp).
std::vector<const compiled_model<caption_task, blip::captioner_options>*> added_captioners();
std::vector<const compiled_model<match_task, blip::matcher_options>*> added_matchers();
std::vector<const compiled_model<answer_task, blip::answerer_options>*> added_answerers();

}  // namespace tool
