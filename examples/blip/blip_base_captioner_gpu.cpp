// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda.hpp"
#include "compiled.hpp"

namespace tool {

const added_model blip_base_captioner_gpu(gpu_captioners(),
                                          {"blip-base", blip::blip_captioner_base,
                                           open_compiled_captioner<blip::blip_captioner_base.structure, blip::cuda>});

}  // namespace tool
