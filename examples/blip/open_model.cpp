// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <vector>

#include "blip/data/nearest_word.hpp"
#include "blip/io/model_folder.hpp"
#include "blip/io/recognise_layout.hpp"
#include "blip/tasks/pretrained.hpp"
#include "blip/text/tokenizer_json.hpp"
#include "blip/train/training_recipe_json.hpp"
#include "opened_model.hpp"
#include "presets.hpp"

namespace tool {
namespace {

bool is_of_albef(const blip::tower_config& c) { return c.text.cross == blip::cross_schedule::from_layer; }

// The rules of the profile that was asked for, or those of a layout.
blip::profile_rules rules_for(const model_options& o, blip::weights_layout layout) {
  if (!o.profile.empty())
    return blip::rules_of(
        static_cast<blip::profile>(blip::place_of_word("--profile", o.profile, blip::profile_names)));
  blip::profile_rules usual = blip::usual_rules(layout);
  if (o.preset == "scenes") usual.prompt = "";  // their captions start from nothing, whoever wrote the file
  return usual;
}

blip::weights_layout layout_of(const blip::weights_file& weights) {
  std::vector<std::string> names;
  for (const blip::weights_tensor& t : weights.tensors()) names.push_back(t.name);
  return blip::recognise_layout(names).layout;
}

blip::wordpiece tokens_of(blip::vocabulary words, const blip::tower_config& c, const blip::profile_rules& r) {
  return is_of_albef(c) ? blip::albef_tokenizer(std::move(words), r.albef_closes)
                        : blip::blip_tokenizer(std::move(words));
}

blip::wordpiece tokens_of(const std::string& vocabulary, const blip::tower_config& c, const blip::profile_rules& r) {
  return tokens_of(vocabulary.ends_with(".json") ? blip::load_tokenizer_json(vocabulary)
                                                 : blip::load_vocabulary(vocabulary),
                   c, r);
}

// What weights and words leave open of a size's options: as many words as there are, pictures of the size's side.
void fill_in(opened_model& m) {
  for (blip::text_options* text : {&m.sizes.options.text, &m.sizes.options.decoder})
    if (text->embedding.vocabulary == 0) text->embedding.vocabulary = m.tokens.size();
  if (m.sizes.structure.vision.width == blip::scenes_vit.structure.width) m.features = blip::scenes_features.width;
  m.view.height = m.sizes.options.vision.image_height, m.view.width = m.sizes.options.vision.image_width;
}

// A captioner is a decoder that reads pictures, what judges pairs an encoder that does; other towers are other tasks.
bool is_for(model_task task, const blip::tower_config& c) {
  const bool encoder = c.text.width > 0, decoder = c.decoder.width > 0;
  if (task == model_task::caption) return decoder && !encoder;
  if (task == model_task::answer) return encoder && decoder && c.sharing == blip::decoder_sharing::none;
  if (!encoder || decoder || c.masked_head) return false;
  const bool pairs = c.text.reading != blip::picture_reading::one;
  if (task == model_task::reason) return pairs;
  return !pairs && (task != model_task::entail || is_of_albef(c));
}

const char* class_for(model_task task) {
  switch (task) {
    case model_task::caption:
      return "BlipForConditionalGeneration";
    case model_task::match:
      return "BlipForImageTextRetrieval";
    case model_task::answer:
      return "BlipForQuestionAnswering";
    default:
      return "none: transformers has no model of this task";
  }
}

// Runs read(), which opens a file of weights; what is malformed there was most often not loaded to its end.
template <class F>
blip::weights_file weights_by(F read) {
  try {
    return read();
  } catch (const blip::format_error& e) {
    if (!e.hint().empty()) throw;
    throw blip::format_error({e.where(), e.expected(), e.actual(),
                              "the file may be cut off: compare its size with the original's, and fetch it again"});
  }
}

// Words and word table must have one size. Throws config_error.
void require_words(const std::string& where, int words, int table) {
  if (words != table && table > 0)
    throw blip::config_error({where + ": words of the vocabulary", std::to_string(table) + " as the model has",
                              std::to_string(words), "--vocab names the vocab.txt that belongs to the model"});
}

opened_model open_folder(const model_options& o, model_task task) {
  const blip::model_folder folder(o.path);
  if (!is_for(task, folder.config().sizes.structure))
    throw blip::config_error({o.path + "/config.json: the model's class",
                              class_for(task),
                              folder.config().architecture,
                              "use a folder of that class, or a file of weights with --preset and --vocab"});
  std::string vocabulary = o.vocabulary;
  for (const char* name : {"vocab.txt", "tokenizer.json"})
    if (vocabulary.empty()) vocabulary = folder.find(name).value_or("");
  if (vocabulary.empty())
    throw blip::config_error({o.path + ": words", "vocab.txt or tokenizer.json", "neither", "--vocab names a file"});
  const blip::profile_rules rules = rules_for(o, blip::weights_layout::transformers);
  opened_model m{o.path,
                 weights_by([&] { return folder.weights(); }),
                 folder.config().sizes,
                 folder.config().projection,
                 tokens_of(vocabulary, folder.config().sizes.structure, rules),
                 blip::view_of(folder),
                 true,
                 rules};
  for (const blip::text_options* text : {&folder.options().text, &folder.options().decoder})
    require_words(vocabulary, m.tokens.size(), text->embedding.vocabulary);
  return m;
}

opened_model open_file(const model_options& o, model_task task) {
  blip::weights_file weights = weights_by([&] { return blip::weights_file(o.path); });  // said first when not there
  std::vector<std::string_view> known;
  std::vector<blip::named_preset> fitting;  // a name may hold a size of either family
  for (const blip::named_preset& p : presets) {
    if (!is_for(task, p.preset.structure)) continue;
    if (std::find(known.begin(), known.end(), p.name) == known.end()) known.push_back(p.name);
    if (p.name == o.preset) fitting.push_back(p);
  }
  static_cast<void>(blip::place_of_word("--preset, the size of the model in a file", o.preset, known));
  if (o.vocabulary.empty())
    throw blip::config_error({"--vocab, the words of the model in a file", "a vocab.txt", "none", {}});
  const blip::tower_preset found = blip::sizes_of_weights(weights);
  const blip::tower_preset sizes = blip::nearest_preset(found, fitting)->preset;
  if (const int width = found.structure.vision.width; width > 0 && width != sizes.structure.vision.width)
    throw blip::config_error({o.path + ": width of the vision tower",
                              std::to_string(sizes.structure.vision.width) + " of --preset " + o.preset,
                              std::to_string(width),
                              "another preset: blip inspect " + o.path + " says which"});
  const blip::profile_rules rules = rules_for(o, layout_of(weights));
  opened_model m{.path = o.path,
                 .weights = std::move(weights),
                 .sizes = sizes,
                 .tokens = tokens_of(o.vocabulary, sizes.structure, rules),
                 .rules = rules};
  for (const blip::text_options* text : {&found.options.text, &found.options.decoder})
    require_words(o.vocabulary, m.tokens.size(), text->embedding.vocabulary);
  fill_in(m);
  return m;
}

// A folder that `finetune` leaves: options.json says which size, and of which pictures.
opened_model open_run(const model_options& o, model_task task) {
  const blip::training_recipe r = blip::read_recipe(o.path + "/options.json");
  opened_model m = open_file({o.path + "/weights.safetensors", o.preset.empty() ? r.preset : o.preset,
                              o.vocabulary.empty() ? o.path + "/vocab.txt" : o.vocabulary},
                             task);
  m.view.height = m.view.width = r.image_size;
  m.sizes.options.vision.image_height = m.sizes.options.vision.image_width = r.image_size;
  return m;
}

}  // namespace

opened_model open_model(const model_options& o, model_task task) {
  const auto there = [&](const char* name) {
    std::error_code none;
    return std::filesystem::exists(o.path + name, none);
  };
  std::error_code none;
  if (!std::filesystem::is_directory(o.path, none)) return open_file(o, task);
  if (there("/config.json")) return open_folder(o, task);
  // A run of pretrain or finetune: in its own layout where transformers has no class for it.
  if (there("/model/config.json")) return open_folder({o.path + "/model", o.preset, o.vocabulary}, task);
  if (there("/options.json") && there("/weights.safetensors")) return open_run(o, task);
  return open_folder(o, task);
}

opened_model unlearned_model(std::string_view preset, const blip::tower_preset& sizes) {
  const bool albef = is_of_albef(sizes.structure);
  const int table = std::max(sizes.options.text.embedding.vocabulary, sizes.options.decoder.embedding.vocabulary);
  const int own = (table > 0 ? table : 100) - (albef ? 0 : 2);  // [DEC] and [ENC] follow
  std::vector<std::string> words{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  while (static_cast<int>(words.size()) < own) words.push_back("w" + std::to_string(words.size()));
  const blip::profile_rules rules = blip::usual_rules(blip::weights_layout::transformers);
  opened_model m{.path = std::string(preset),
                 .weights = {},
                 .sizes = sizes,
                 .tokens = tokens_of(blip::vocabulary(words), sizes.structure, rules),
                 .rules = rules};
  fill_in(m);
  return m;
}

}  // namespace tool
