// SPDX-License-Identifier: Apache-2.0
#include "added_models.hpp"

namespace tool {

std::vector<const compiled_model<caption_task, blip::captioner_options>*> added_captioners() { return {}; }
std::vector<const compiled_model<match_task, blip::matcher_options>*> added_matchers() { return {}; }
std::vector<const compiled_model<answer_task, blip::answerer_options>*> added_answerers() { return {}; }

}  // namespace tool
