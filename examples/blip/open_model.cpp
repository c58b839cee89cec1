// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <vector>

#include "blip/data/nearest_word.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/io/recognise_layout.hpp"
#include "blip/text/tokenizer_json.hpp"
#include "opened_model.hpp"
#include "presets.hpp"

namespace tool {
namespace {

blip::wordpiece tokens_of(const std::string& vocabulary) {
  return blip::blip_tokenizer(vocabulary.ends_with(".json") ? blip::load_tokenizer_json(vocabulary)
                                                            : blip::load_vocabulary(vocabulary));
}

blip::evaluation_view_options view_of(const blip::preprocessor_config& c) {
  blip::evaluation_view_options view{.height = c.height, .width = c.width, .filter = blip::pillow_filter(c.filter)};
  view.statistics.scale = c.scale, view.statistics.mean = c.mean, view.statistics.deviation = c.deviation;
  return view;
}

// A captioner is a decoder that reads pictures, what judges pairs an encoder that does; other towers are other tasks.
bool is_for(model_task task, const blip::tower_config& c) {
  if (task == model_task::caption) return c.decoder.width > 0 && c.text.width == 0;
  return c.text.width > 0 && c.decoder.width == 0 && !c.masked_head && c.text.reading == blip::picture_reading::one;
}

opened_model open_folder(const model_options& o, model_task task) {
  const blip::model_folder folder(o.path);
  if (!is_for(task, folder.config().sizes.structure))
    throw blip::config_error({o.path + "/config.json: the model's class",
                              task == model_task::caption ? "BlipForConditionalGeneration"
                                                          : "BlipForImageTextRetrieval",
                              folder.config().architecture,
                              {}});
  std::string vocabulary = o.vocabulary;
  for (const char* name : {"vocab.txt", "tokenizer.json"})
    if (vocabulary.empty()) vocabulary = folder.find(name).value_or("");
  if (vocabulary.empty())
    throw blip::config_error({o.path + ": words", "vocab.txt or tokenizer.json", "neither", "--vocab names a file"});
  return {o.path,
          folder.weights(),
          folder.config().sizes,
          folder.config().projection,
          tokens_of(vocabulary),
          view_of(folder.preprocessor()),
          true};
}

opened_model open_file(const model_options& o, model_task task) {
  blip::weights_file weights(o.path);  // what is not there is said first
  std::vector<std::string_view> known;
  for (const blip::named_preset& p : presets)
    if (std::find(known.begin(), known.end(), p.name) == known.end()) known.push_back(p.name);
  static_cast<void>(blip::place_of_word("--preset, the size of the model in a file", o.preset, known));
  if (o.vocabulary.empty())
    throw blip::config_error({"--vocab, the words of the model in a file", "a vocab.txt", "none", {}});
  opened_model m{.path = o.path, .weights = std::move(weights), .sizes = {}, .tokens = tokens_of(o.vocabulary)};
  const auto fits = [&](const blip::named_preset& p) { return p.name == o.preset && is_for(task, p.preset.structure); };
  const auto* const at = std::find_if(presets.begin(), presets.end(), fits);
  if (at == presets.end())
    throw blip::config_error({"--preset " + o.preset, "one that has this task", "one that has not", {}});
  m.sizes = at->preset;
  for (blip::text_options* text : {&m.sizes.options.text, &m.sizes.options.decoder})
    if (text->embedding.vocabulary == 0) text->embedding.vocabulary = m.tokens.size();
  if (m.sizes.structure.vision.width == blip::scenes_vit.structure.width) m.features = blip::scenes_features.width;
  m.view.height = m.sizes.options.vision.image_height, m.view.width = m.sizes.options.vision.image_width;
  return m;
}

}  // namespace

opened_model open_model(const model_options& o, model_task task) {
  std::error_code none;
  return std::filesystem::is_directory(o.path, none) ? open_folder(o, task) : open_file(o, task);
}

}  // namespace tool
