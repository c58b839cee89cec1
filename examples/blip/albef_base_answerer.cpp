// SPDX-License-Identifier: Apache-2.0
#include "compiled_answerer.hpp"

namespace tool {
namespace {

template <class B>
using answering = blip::albef_answerer<blip::albef_answerer_base.structure, B>;
template <class B>
using entailment = blip::albef_entailment<blip::albef_encoder_base.structure, B>;
template <class B>
using reasoning = blip::albef_pair_reasoning<blip::albef_pairs_base.structure, B>;

}  // namespace

const compiled_model<answer_task, blip::answerer_options> albef_base_answerer{"albef-base", blip::albef_answerer_base,
                                                                              open_compiled_answerer<answering>};
const compiled_model<classify_task, blip::classifier_options> albef_base_entailer{
    "albef-base", blip::albef_encoder_base, open_compiled_classifier<entailment>};
const compiled_model<classify_task, blip::classifier_options> albef_base_pairs{"albef-base", blip::albef_pairs_base,
                                                                               open_compiled_classifier<reasoning>};

}  // namespace tool
