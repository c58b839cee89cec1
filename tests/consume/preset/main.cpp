// SPDX-License-Identifier: Apache-2.0
//
// A captioner of the size that a config.json states, compiled, and its folder loaded into it.
#include <cstdio>

#include "blip/backend/reference.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/layers/owned.hpp"
#include "blip_preset/tiny.hpp"

using blip_preset::tiny;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using B = blip::reference<float>;
  try {
    const blip::model_folder folder(argv[1]);
    blip::owned<blip::blip_captioner<tiny.structure, B>, B> model(1, tiny.options, blip::lm());
    const blip::load_report report = blip::load_model(folder, tiny.structure, model.values());
    const auto &compiled = tiny.options, &read = folder.options();
    if (blip::parameter_count(tiny.structure, compiled) != blip::parameter_count(tiny.structure, read)) return 1;
    if (compiled.decoder.norm_eps != read.decoder.norm_eps || compiled.vision.norm_eps != read.vision.norm_eps) return 1;
    if (compiled.decoder.embedding.padding != read.decoder.embedding.padding) return 1;
    if (blip_preset::tiny_features.width != folder.config().projection) return 1;
    std::printf("blip %d.%d.%d: a captioner of %zu tensors\n", blip::version.major, blip::version.minor,
                blip::version.patch, report.loaded);
    return 0;
  } catch (const blip::error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
