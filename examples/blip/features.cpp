// SPDX-License-Identifier: Apache-2.0
#include "blip/io/safetensors.hpp"
#include "json_object.hpp"
#include "lines_of.hpp"
#include "pictures.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct features_options {
  model_options model;
  picture_options pictures;
  std::vector<std::string> texts;
  std::string texts_file, out;
  bool multimodal = false;
  common_options common;

  std::vector<std::string> all_texts() const {
    std::vector<std::string> all = texts;
    if (!texts_file.empty())
      for (std::string& line : lines_of(texts_file)) all.push_back(std::move(line));
    return all;
  }
};

void append(blip::feature_rows& all, const blip::feature_rows& more) {
  all.count += more.count, all.width = more.width;
  all.values.insert(all.values.end(), more.values.begin(), more.values.end());
}

int features(const features_options& o) {
  const compute on = o.common.on();
  const std::vector<std::string> names = o.pictures.all(), texts = o.all_texts();
  if (o.multimodal)
    blip::require_equal("--multimodal", "texts, one for each picture", static_cast<long long>(texts.size()),
                        static_cast<long long>(names.size()));
  const opened_model model = open_model(o.model, model_task::match);
  blip::matcher_options how = matcher_options_for(model);
  how.marked = model.rules.marked_pairs;  // no probability is asked for
  const std::unique_ptr<match_task> matcher = open_matcher(model, how, on);
  std::vector<blip::safetensors_tensor> tensors;
  std::vector<blip::feature_rows> rows;
  const auto add = [&](const char* name, blip::feature_rows found) {
    tensors.push_back({.name = name,
                       .type = blip::stored_type::f32,
                       .shape = {static_cast<std::uint64_t>(found.count), static_cast<std::uint64_t>(found.width)}});
    rows.push_back(std::move(found));
  };
  constexpr std::size_t batch = 32;  // pixels of all pictures need not be in memory at once
  blip::feature_rows of_pictures, of_pairs;
  for (std::size_t at = 0; at < names.size(); at += batch) {
    const auto some = std::span(names).subspan(at, std::min(batch, names.size() - at));
    const std::vector<blip::image> pictures = read_pictures(some);
    append(of_pictures, matcher->image_features(pictures));
    if (o.multimodal)
      append(of_pairs, matcher->multimodal_features(pictures, std::span(texts).subspan(at, some.size())));
  }
  if (!names.empty()) add("image_features", std::move(of_pictures));
  if (!texts.empty()) add("text_features", matcher->text_features(texts));
  if (o.multimodal && !texts.empty()) add("multimodal_features", std::move(of_pairs));
  blip::write_safetensors(o.out, tensors, [&](std::size_t i) { return std::as_bytes(std::span(rows[i].values)); });
  if (o.common.json)
    print_line(json_object()
                   .text("out", o.out)
                   .integer("images", static_cast<std::int64_t>(names.size()))
                   .integer("texts", static_cast<std::int64_t>(texts.size()))
                   .str());
  else
    print_line(o.out);
  return done;
}

}  // namespace

void add_features(CLI::App& app, job& chosen) {
  add_command<features_options>(
      app, chosen, "features", "Writes features of pictures, of texts and of pairs",
      "blip features --model run/filter/model --images pictures --text 'a red circle' --out features.safetensors",
      [](CLI::App& c, features_options& o) {
        add_model(c, o.model);
        auto* const inputs = c.add_option_group("Inputs");
        inputs->add_option("--image", o.pictures.files, "Files: JPEG, PNG, PNM");
        inputs->add_option("--images", o.pictures.folder, "A folder of them");
        inputs->add_option("--text", o.texts, "Texts");
        inputs->add_option("--texts", o.texts_file, "A file of them, one per line");
        inputs->require_option(1, 4);
        c.add_flag("--multimodal", o.multimodal, "Also of text i after it has read picture i");
        c.add_option("--out", o.out, "A file .safetensors: image_features, text_features, multimodal_features")
            ->required();
      },
      features);
}

}  // namespace tool
