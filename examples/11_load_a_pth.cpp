// SPDX-License-Identifier: Apache-2.0
//
// What torch.save wrote, without Python: names, shapes and values are read by an own reader that runs no code of the
// file.
//   11_load_a_pth FILE.pth                           what is in it
//   11_load_a_pth FILE.pth VOCAB PICTURE TEXT ...    with model_base_retrieval_coco.pth of BLIP and BERT's vocab.txt:
//   do
//                                                    picture and texts belong together?
// The same calls read .safetensors, .bin and .npz, in the names of ALBEF, BLIP, LAVIS and transformers.
#include <cstdio>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/image/image_file.hpp"
#include "blip/io/describe_weights.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/matcher.hpp"

using namespace blip;

namespace {

// The model's type is its structure; picture size, depth and vocabulary are values.
using model_type = blip_retrieval<blip_encoder_base.structure, cpu, itc_config{.momentum = false}>;

void match(const weights_file& file, int argc, char** argv) {
  model_type model(blip_encoder_base.options, itc<itc_config{.momentum = false}>(itc_options{.queue = 0}), itm<>());
  auto layout = std::make_shared<arena_layout>();
  layout->place("", model);
  arena<cpu> values(std::move(layout));
  // Strict: every parameter must be there and fit, or nothing is changed and the error says what is wrong. Position
  // tables of another picture size are resized; momentum copies and queues are left out, and the report says so.
  const load_report report = load_weights(file, values);
  std::printf("%zu of %zu parameters loaded, %zu tensors not needed\n", report.loaded, report.parameters,
              report.unused.size());
  device<cpu> dev;
  values = pack(dev, std::move(values));  // for inference, as the engine reads weights fastest

  const wordpiece tokens = blip_tokenizer(load_vocabulary(argv[2]));
  const matcher judge(model, values, tokens, {.view = {.height = 384, .width = 384}});
  const std::vector<image> picture{read_image(argv[3])};
  const std::vector<std::string> texts(argv + 4, argv + argc);
  std::vector<pair_of> pairs;
  for (int i = 0; i < static_cast<int>(texts.size()); ++i) pairs.push_back({0, i});
  const std::vector<double> probability = judge.probabilities(dev, picture, texts, pairs);
  for (std::size_t i = 0; i < texts.size(); ++i) std::printf("%.4f  %s\n", probability[i], texts[i].c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2 || argc == 3 || argc == 4)
    return std::fputs("11_load_a_pth FILE.pth [VOCAB PICTURE TEXT ...]\n", stderr), 2;
  const weights_file file(argv[1]);
  const weights_description what = describe_weights(file);
  for (std::size_t i = 0; i < what.tensors.size() && i < 5; ++i)
    std::printf("%s %s\n", what.tensors[i].name.c_str(), shape_text(what.tensors[i].shape).c_str());
  std::printf("%zu tensors, %llu numbers, container: %s\n", what.tensors.size(),
              static_cast<unsigned long long>(what.elements), std::string(name_of(what.container)).c_str());
  if (argc > 4) match(file, argc, argv);
  return 0;
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
