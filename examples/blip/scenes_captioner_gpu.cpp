// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cuda.hpp"
#include "compiled.hpp"
#include "presets.hpp"

namespace tool {

const added_model scenes_captioner_gpu(gpu_captioners(),
                                       {"scenes", scenes_writer,
                                        open_compiled_captioner<scenes_writer.structure, blip::cuda>});

}  // namespace tool
