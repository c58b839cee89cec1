// SPDX-License-Identifier: Apache-2.0
//
// A whole program that describes pictures with BLIP of base size, in one translation unit:
//   captioning MODEL-FOLDER PICTURE...
#include <cstdio>

#include "blip/backend/cpu.hpp"
#include "blip/image/image_file.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/pretrained.hpp"

using namespace blip;

int main(int argc, char** argv) try {
  if (argc < 3) return 2;
  device<cpu> dev;
  const model_folder folder(argv[1]);
  const pretrained<blip_captioner<blip_captioner_base.structure, cpu>> m(dev, folder, lm());
  const captioner describe(*m, m.values(), tokens_of(folder), {.view = view_of(folder)});
  for (int i = 2; i < argc; ++i) {
    const image picture = read_image(argv[i]);
    std::puts(describe(dev, {&picture, 1}).at(0).at(0).text.c_str());
  }
} catch (const error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
