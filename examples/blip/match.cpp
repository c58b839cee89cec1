// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "json_object.hpp"
#include "pictures.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct match_options {
  model_options model;
  picture_options pictures;
  std::vector<std::string> texts;
  common_options common;
};

int match(const match_options& o) {
  const compute on = o.common.on();
  const std::vector<std::string> names = o.pictures.all();
  const opened_model model = open_model(o.model, model_task::match);
  const std::unique_ptr<match_task> matcher = open_matcher(model, matcher_options_for(model), on);
  const blip::feature_rows text_rows = matcher->text_features(o.texts);
  constexpr std::size_t batch = 32;
  for (std::size_t at = 0; at < names.size(); at += batch) {
    const auto files = std::span(names).subspan(at, std::min(batch, names.size() - at));
    const std::vector<blip::image> some = read_pictures(files);
    std::vector<blip::pair_of> pairs;
    for (int i = 0; i < static_cast<int>(some.size()); ++i)
      for (int j = 0; j < static_cast<int>(o.texts.size()); ++j) pairs.push_back({i, j});
    const std::vector<double> probability = matcher->probabilities(some, o.texts, pairs);
    const blip::feature_rows rows = matcher->image_features(some);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      const auto a = rows.row(pairs[k].picture), b = text_rows.row(pairs[k].text);
      const double similarity = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
      const std::string& name = names[at + static_cast<std::size_t>(pairs[k].picture)];
      const std::string& text = o.texts[static_cast<std::size_t>(pairs[k].text)];
      if (o.common.json)
        print_line(json_object()
                       .text("image", name)
                       .text("text", text)
                       .number("itm_probability", probability[k])
                       .number("itc_similarity", similarity)
                       .str());
      else
        print_line(name + "\t" + text + "\tmatch " + json_object::digits(probability[k]) + "\tsimilarity " +
                   json_object::digits(similarity));
    }
  }
  return done;
}

}  // namespace

void add_match(CLI::App& app, job& chosen) {
  add_command<match_options>(
      app, chosen, "match", "Says whether pictures and texts belong together, each with each",
      "blip match --model run/filter/model --image one.png --text 'a red circle' 'a blue square'",
      [](CLI::App& c, match_options& o) {
        add_model(c, o.model);
        c.add_option("--image", o.pictures.files, "Files: JPEG, PNG, PNM")->required();
        c.add_option("--text", o.texts, "Texts")->required();
      },
      match);
}

}  // namespace tool
