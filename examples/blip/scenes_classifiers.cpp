// SPDX-License-Identifier: Apache-2.0
#include "compiled_answerer.hpp"
#include "presets.hpp"

namespace tool {
namespace {

template <class B>
using scenes_entailment = blip::albef_entailment<scenes_entailing.structure, B>;
template <class B>
using blip_pairs = blip::blip_pair_reasoning<scenes_blip_reasoning.structure, B>;
template <class B>
using albef_pairs = blip::albef_pair_reasoning<scenes_albef_reasoning.structure, B>;

}  // namespace

const added_model scenes_entailer(entailers(),
                                  {"scenes", scenes_entailing, open_compiled_classifier<scenes_entailment, true>});
const added_model scenes_blip_pairs(pair_reasoners(),
                                    {"scenes", scenes_blip_reasoning, open_compiled_classifier<blip_pairs, true>});
const added_model scenes_albef_pairs(pair_reasoners(),
                                     {"scenes", scenes_albef_reasoning, open_compiled_classifier<albef_pairs, true>});

}  // namespace tool
