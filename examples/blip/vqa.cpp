// SPDX-License-Identifier: Apache-2.0
#include "blip/data/vqa_record.hpp"
#include "given_text.hpp"
#include "json_object.hpp"
#include "lines_of.hpp"
#include "pictures.hpp"
#include "sampling.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct vqa_options {
  model_options model;
  std::string image, answers;
  std::vector<std::string> questions;
  int shortlist = 128;
  sampling_options sampling;
  common_options common;
};

// A list of texts in JSON, or one answer per line.
std::vector<std::string> answers_of(const std::string& file) {
  if (file.ends_with(".json")) return blip::read_answer_list(file);
  std::vector<std::string> answers = lines_of(file);
  std::erase(answers, "");
  if (answers.empty())
    throw blip::format_error({file + ": answers", "one per line, or a list in a file .json", "none", {}});
  return answers;
}

blip::answerer_options options_for(const vqa_options& o, const opened_model& m) {
  blip::answerer_options a = answerer_options_for(m);
  o.sampling.fill(a, m, 9, 1);
  a.seed = o.common.seed;
  a.ranking->shortlist = o.shortlist;
  return a;
}

std::string as_json(const vqa_options& o, const std::string& question, std::span<const answer_found> found) {
  return json_object()
      .text("image", o.image)
      .text("question", question)
      .text("answer", found[0].text)
      .number("log_probability", found[0].log_probability)
      .list("candidates", found,
            [](const answer_found& a) {
              return json_object()
                  .text("answer", a.text)
                  .number("log_probability", a.log_probability)
                  .number("score", a.score)
                  .str();
            })
      .str();
}

int vqa(const vqa_options& o) {
  const compute on = o.common.on();
  for (const std::string& q : o.questions) require_text("--question of vqa", q, "--question 'what is red?'");
  const std::vector<blip::image> picture{blip::read_image(o.image)};
  std::vector<std::string> answers;
  if (!o.answers.empty()) answers = answers_of(o.answers);
  const opened_model model = open_model(o.model, model_task::answer);
  const std::unique_ptr<answer_task> answerer = open_answerer(model, options_for(o, model), on);
  const std::vector<int> about(o.questions.size(), 0);
  const std::vector<std::vector<answer_found>> all = answerer->answer(picture, o.questions, answers, about);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (o.common.json)
      print_line(as_json(o, o.questions[i], all[i]));
    else
      print_line(all.size() == 1 ? all[i][0].text : o.questions[i] + "\t" + all[i][0].text);
  }
  return done;
}

}  // namespace

void add_vqa(CLI::App& app, job& chosen) {
  add_command<vqa_options>(
      app, chosen, "vqa", "Answers questions about a picture: makes answers, or chooses from a list",
      "blip vqa --model blip-vqa-base --image one.png --question 'how many dogs are in the picture?' --json",
      [](CLI::App& c, vqa_options& o) {
        add_model(c, o.model);
        c.add_option("--image", o.image, "A file: JPEG, PNG, PNM")->required();
        c.add_option("--question", o.questions, "One question or several")->required();
        c.add_option("--answers", o.answers, "Choose from these: a file, one per line, or a JSON list in a file .json");
        c.add_option("--shortlist", o.shortlist, "So many of --answers, by their first tokens, are scored in full")
            ->check(CLI::Range(1, 1'000'000))->capture_default_str();
        add_sampling(c, o.sampling, "9");
      },
      vqa);
}

}  // namespace tool
