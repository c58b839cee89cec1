// SPDX-License-Identifier: Apache-2.0
#include "blip/image/heat_overlay.hpp"
#include "given_text.hpp"
#include "json_object.hpp"
#include "pictures.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct ground_options {
  model_options model;
  std::string picture, text, out;
  int layer = -1;
  common_options common;
};

// heat.png, heat.1.png, heat.2.png, ...
std::string name_of_word(const std::string& out, std::size_t i) {
  const std::filesystem::path path(out);
  return (path.parent_path() / (path.stem().string() + "." + std::to_string(i + 1) + path.extension().string()))
      .string();
}

// [[row], [row], ...]
std::string rows_of(const std::vector<float>& map, int columns) {
  std::string text;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const bool begins = i % static_cast<std::size_t>(columns) == 0;
    text += begins ? (i == 0 ? "[" : "],[") : ",";
    text += json_object::digits(static_cast<double>(map[i]));
  }
  return "[" + text + (map.empty() ? "]" : "]]");
}

int ground(const ground_options& o) {
  require_text("--text", o.text, "a red circle");
  const compute on = o.common.on();
  const opened_model model = open_model(o.model, model_task::match);
  const blip::image picture = blip::read_image(o.picture);
  const blip::grounding g = open_grounder(model, grounder_options_for(model, o.layer), on)->ground(picture, o.text);
  blip::write_image(o.out, blip::heat_overlay(picture, g.sentence, g.rows, g.columns));
  for (std::size_t i = 0; i < g.words.size(); ++i)
    blip::write_image(name_of_word(o.out, i), blip::heat_overlay(picture, g.words[i].map, g.rows, g.columns));
  if (!o.common.json) {
    print_line(o.out + "\t" + o.text);
    for (std::size_t i = 0; i < g.words.size(); ++i) print_line(name_of_word(o.out, i) + "\t" + g.words[i].text);
    return done;
  }
  std::size_t i = 0;
  print_line(json_object()
                 .text("image", o.picture)
                 .text("text", o.text)
                 .list("tokens", g.words, [](const auto& word) { return json_object::quoted(word.text); })
                 .raw("heatmap", rows_of(g.sentence, g.columns))
                 .text("out", o.out)
                 .number("itm_logit", g.objective)
                 .list("words", g.words,
                       [&](const auto& word) {
                         return json_object()
                             .text("token", word.text)
                             .text("out", name_of_word(o.out, i++))
                             .raw("heatmap", rows_of(word.map, g.columns))
                             .str();
                       })
                 .str());
  return done;
}

}  // namespace

void add_ground(CLI::App& app, job& chosen) {
  add_command<ground_options>(
      app, chosen, "ground", "Shows where in a picture a text is, as a whole and word by word",
      "blip ground --model run/filter/model --image one.png --text 'a red circle' --out heat.png",
      [](CLI::App& c, ground_options& o) {
        add_model(c, o.model);
        c.add_option("--image", o.picture, "A file: JPEG, PNG, PNM")->required();
        c.add_option("--text", o.text, "What is looked for")->required();
        c.add_option("--out", o.out, "heat.png for the text; its words are heat.1.png, heat.2.png, ...")->required();
        c.add_option("--layer", o.layer, "Of the text encoder, the first one 0; default: at two thirds of the depth, not the last")
            ->check(CLI::Range(0, 1000));
      },
      ground);
}

}  // namespace tool
