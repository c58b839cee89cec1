// SPDX-License-Identifier: Apache-2.0
#include "compiled_answerer.hpp"

namespace tool {
namespace {

template <class B>
using answering = blip::blip_answerer<blip::blip_answerer_base.structure, B>;
template <class B>
using reasoning = blip::blip_pair_reasoning<blip::blip_pairs_base.structure, B>;

}  // namespace

const compiled_model<answer_task, blip::answerer_options> blip_base_answerer{"blip-base", blip::blip_answerer_base,
                                                                             open_compiled_answerer<answering>};
const compiled_model<classify_task, blip::classifier_options> blip_base_pairs{"blip-base", blip::blip_pairs_base,
                                                                              open_compiled_classifier<reasoning>};

}  // namespace tool
