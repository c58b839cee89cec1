// SPDX-License-Identifier: Apache-2.0
#include "given_text.hpp"
#include "json_object.hpp"
#include "pictures.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct nlvr_options {
  model_options model;
  std::vector<std::string> images;
  std::string text;
  common_options common;
};

int nlvr(const nlvr_options& o) {
  const compute on = o.common.on();
  require_text("--text of nlvr", o.text, "--text 'both have a dog'");
  if (o.images.size() != 2)
    throw blip::config_error({"--image of nlvr", "two pictures", std::to_string(o.images.size()),
                              "for example --image left.png --image right.png"});
  const std::vector<blip::image> pictures = read_pictures(o.images);
  const opened_model model = open_model(o.model, model_task::reason);
  const std::unique_ptr<classify_task> classifier = open_pair_reasoner(model, classifier_options_for(model), on);
  const std::vector<double> p = classifier->probabilities(pictures, std::vector<std::string>{o.text}, {})[0];
  const bool is = p[1] > p[0];  // false, true
  if (o.common.json)
    print_line(json_object().text("answer", is ? "true" : "false").number("probability", p[is ? 1 : 0]).str());
  else
    print_line((is ? "true\t" : "false\t") + json_object::digits(p[is ? 1 : 0]));
  return done;
}

}  // namespace

void add_nlvr(CLI::App& app, job& chosen) {
  add_command<nlvr_options>(
      app, chosen, "nlvr", "Says whether a sentence about two pictures is true",
      "blip nlvr --model model_base_nlvr.pth --preset blip-base --vocab vocab.txt --image left.png --image right.png "
      "--text 'both have a dog' --json",
      [](CLI::App& c, nlvr_options& o) {
        add_model(c, o.model);
        c.add_option("--image", o.images, "Two files, the left and the right picture")->required();
        c.add_option("--text", o.text, "A sentence")->required();
      },
      nlvr);
}

}  // namespace tool
