// SPDX-License-Identifier: Apache-2.0
#include "compiled_answerer.hpp"

namespace tool {
namespace {

template <class B>
using albef_base_answering = blip::albef_answerer<blip::albef_answerer_base.structure, B>;
template <class B>
using albef_base_entailing = blip::albef_entailment<blip::albef_encoder_base.structure, B>;
template <class B>
using albef_base_reasoning = blip::albef_pair_reasoning<blip::albef_pairs_base.structure, B>;

}  // namespace

const added_model albef_base_answerer(answerers(), {"albef-base", blip::albef_answerer_base,
                                                    open_compiled_answerer<albef_base_answering>});
const added_model albef_base_entailer(entailers(), {"albef-base", blip::albef_encoder_base,
                                                    open_compiled_classifier<albef_base_entailing>});
const added_model albef_base_pairs(pair_reasoners(), {"albef-base", blip::albef_pairs_base,
                                                      open_compiled_classifier<albef_base_reasoning>});

}  // namespace tool
