// SPDX-License-Identifier: Apache-2.0
#include "save_stages.hpp"

#include <filesystem>

#include "save_stage.hpp"

namespace tool {

void save_captioner(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens) {
  save_stage<blip::scenes_captioner<blip::cpu>>(run, blip::scenes_blip_decoder, towers, tokens,
                                                blip::lm({.first_token = tokens.id("[DEC]")}));
}
void save_filter(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens) {
  save_stage<blip::scenes_filter<blip::cpu>>(run, blip::scenes_blip_encoder, towers, tokens,
                                             blip::itc<blip::scenes_features>(blip::itc_options{.queue = 0}),
                                             blip::itm<>({.first_token = tokens.id("[ENC]")}));
}

void save_stages(const std::string& run, const blip::tower_options& towers, const blip::wordpiece& tokens) {
  blip::tower_options writer = towers, judge = towers;
  writer.text = {}, judge.decoder = {};
  const auto is_over = [&](const std::string& stage) { return std::filesystem::exists(stage + "/weights.safetensors"); };
  if (is_over(run + "/captioner")) save_captioner(run + "/captioner", writer, tokens);
  if (is_over(run + "/filter")) save_filter(run + "/filter", judge, tokens);
}

}  // namespace tool
