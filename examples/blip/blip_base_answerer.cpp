// SPDX-License-Identifier: Apache-2.0
#include "compiled_answerer.hpp"

namespace tool {
namespace {

template <class B>
using blip_base_answering = blip::blip_answerer<blip::blip_answerer_base.structure, B>;
template <class B>
using blip_base_reasoning = blip::blip_pair_reasoning<blip::blip_pairs_base.structure, B>;

}  // namespace

const added_model blip_base_answerer(answerers(), {"blip-base", blip::blip_answerer_base,
                                                   open_compiled_answerer<blip_base_answering>});
const added_model blip_base_pairs(pair_reasoners(),
                                  {"blip-base", blip::blip_pairs_base, open_compiled_classifier<blip_base_reasoning>});

}  // namespace tool
