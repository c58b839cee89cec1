// SPDX-License-Identifier: Apache-2.0
//
// One forward pass of a captioner's folder, BLIP-base's size or that of scenes: a picture and a text to the logits of
// every next word. bench/peers/transformers_check.py compares them with those of transformers.
//   caption_logits FOLDER IMAGE OUT.safetensors ID...      writes `pixel_values` [3 h w] and `logits` [ids, vocabulary]
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/image/image_file.hpp"
#include "blip/models/scenes.hpp"
#include "blip/tasks/pretrained.hpp"
#include "blip/tasks/seen_pictures.hpp"

namespace {

using namespace blip;

template <tower_config C>
void write_logits(const model_folder& folder, const std::string& picture_file, const std::string& out,
                  const std::vector<int>& ids) {
  device<cpu> dev;
  const pretrained<blip_captioner<C, cpu>> model(dev, folder, lm());
  const auto& towers = model->towers();
  const image picture = read_image(picture_file);
  const std::span<const image> pictures(&picture, 1);
  inference_tape<cpu> t(dev, model.values());
  const seen_pictures seen(t, towers, pictures, view_of(folder));
  const text_batch<cpu> text(std::vector<std::vector<int>>{ids}, towers.vocabulary());
  const auto read = towers.decoder().text.project(t, seen.rows.rows, seen.rows.layout);
  const auto logits = towers.decoder_logits(t, towers.decode(t, text.ids(), text.layout(), read, nullptr));

  const std::array<std::vector<float>, 2> values{evaluation_pixels(pictures, view_of(folder)), to_host(logits)};
  const std::array<safetensors_tensor, 2> tensors{
      {{.name = "pixel_values", .shape = {values[0].size()}},
       {.name = "logits", .shape = {ids.size(), static_cast<std::uint64_t>(towers.vocabulary())}}}};
  write_safetensors(out, tensors, [&](std::size_t i) { return std::as_bytes(std::span(values[i])); });
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 5) return std::fprintf(stderr, "caption_logits FOLDER IMAGE OUT.safetensors ID...\n"), 2;
  std::vector<int> ids;
  for (int i = 4; i < argc; ++i) ids.push_back(std::atoi(argv[i]));
  const model_folder folder(argv[1]);
  if (folder.config().sizes.structure.vision.width == scenes_vit.structure.width)
    write_logits<scenes_blip_decoder>(folder, argv[2], argv[3], ids);
  else
    write_logits<blip_captioner_base.structure>(folder, argv[2], argv[3], ids);
  return 0;
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
