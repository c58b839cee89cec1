// SPDX-License-Identifier: Apache-2.0
#include "compiled_answerer.hpp"
#include "presets.hpp"

namespace tool {
namespace {

template <class B>
using of_blip = blip::blip_answerer<scenes_blip_answering.structure, B>;
template <class B>
using of_albef = blip::albef_answerer<scenes_albef_answering.structure, B>;

}  // namespace

const added_model scenes_blip_answerer(answerers(),
                                       {"scenes", scenes_blip_answering, open_compiled_answerer<of_blip, true>});
const added_model scenes_albef_answerer(answerers(),
                                        {"scenes", scenes_albef_answering, open_compiled_answerer<of_albef, true>});

}  // namespace tool
