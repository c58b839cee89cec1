// SPDX-License-Identifier: Apache-2.0
#include "blip/data/entailment_record.hpp"
#include "given_text.hpp"
#include "json_object.hpp"
#include "pictures.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct entail_options {
  model_options model;
  std::string image, text;
  common_options common;
};

int entail(const entail_options& o) {
  const compute on = o.common.on();
  require_text("--text of entail", o.text, "--text 'a dog sleeps'");
  const std::vector<blip::image> picture{blip::read_image(o.image)};
  const opened_model model = open_model(o.model, model_task::entail);
  const std::unique_ptr<classify_task> classifier = open_entailer(model, classifier_options_for(model), on);
  const std::vector<double> p = classifier->probabilities(picture, std::vector<std::string>{o.text}, {})[0];
  const auto best = static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin());
  const auto& labels = blip::entailment_labels;
  if (o.common.json) {
    json_object each;
    for (std::size_t i = 0; i < labels.size(); ++i) each.number(labels[i], p[i]);
    print_line(json_object().text("label", labels[best]).raw("probabilities", each.str()).str());
  } else {
    print_line(std::string(labels[best]) + "\t" + json_object::digits(p[best]));
  }
  return done;
}

}  // namespace

void add_entail(CLI::App& app, job& chosen) {
  add_command<entail_options>(
      app, chosen, "entail", "Says whether a picture entails a sentence, contradicts it or leaves it open",
      "blip entail --model ve.pth --preset albef-base --vocab vocab.txt --image one.png --text 'a dog sleeps' --json",
      [](CLI::App& c, entail_options& o) {
        add_model(c, o.model);
        c.add_option("--image", o.image, "A file: JPEG, PNG, PNM")->required();
        c.add_option("--text", o.text, "A sentence")->required();
      },
      entail);
}

}  // namespace tool
