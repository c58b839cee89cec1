// SPDX-License-Identifier: Apache-2.0
#include "json_object.hpp"
#include "pictures.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct caption_options {
  model_options model;
  picture_options pictures;
  std::string prompt, sampler = "beam", rule;
  CLI::Option* prompt_given = nullptr;
  int max_tokens = 0, number = 1;
  blip::token_rules rules;
  blip::beam_options beam;
  blip::token_filter filter;
  common_options common;
};

// What published captioners were trained with; the scenes' and transformers' start from nothing.
std::string prompt_of(const caption_options& o, const opened_model& m) {
  if (o.prompt_given->count() > 0 || m.of_transformers || o.model.preset == "scenes") return o.prompt;
  return "a picture of ";
}

blip::beam_rule rule_of(const caption_options& o, const opened_model& m) {
  if (o.rule == "transformers-4.15") return blip::beam_rule::transformers_4_15;
  if (o.rule == "transformers-4.30") return blip::beam_rule::transformers_4_30;
  return o.rule.empty() && !m.of_transformers ? blip::beam_rule::transformers_4_15 : blip::beam_rule::transformers_5;
}

blip::captioner_options options_for(const caption_options& o, const opened_model& m) {
  blip::captioner_options c{.view = m.view, .prompt = prompt_of(o, m), .rules = o.rules};
  c.beam = o.beam, c.filter = o.filter;
  c.how = o.sampler == "greedy" ? blip::sampler::greedy
          : o.sampler == "beam" ? blip::sampler::beam
                                : blip::sampler::sample;
  if (c.how == blip::sampler::greedy && o.number > 1)
    throw blip::config_error(
        {"--num-captions of --sampler greedy", "1", std::to_string(o.number), "beam or sample gives several"});
  c.beam.rule = rule_of(o, m), c.beam.best = c.samples = o.number;
  c.rules.max_tokens = o.max_tokens;
  if (o.max_tokens == 0) {  // short tables end it earlier
    const int room = m.sizes.options.decoder.embedding.positions - static_cast<int>(m.tokens.open(c.prompt).size());
    c.rules.max_tokens = std::min(m.sizes.options.decoder.embedding.positions <= 32 ? room : 20, room);
  }
  c.seed = o.common.seed;
  return c;
}

std::string as_json(const std::string& name, const blip::caption_result& r) {
  return json_object()
      .text("image", name)
      .text("caption", r.text)
      .list("tokens", r.details.tokens, [](int id) { return std::to_string(id); })
      .number("log_probability", r.details.log_probability)
      .number("score", r.details.score)
      .str();
}

int caption(const caption_options& o) {
  const compute on = o.common.on();
  const std::vector<std::string> names = o.pictures.all();
  const opened_model model = open_model(o.model, model_task::caption);
  const blip::captioner_options options = options_for(o, model);
  const std::unique_ptr<caption_task> captioner = open_captioner(model, options, on);
  const auto batch = static_cast<std::size_t>(options.batch);
  for (std::size_t at = 0; at < names.size(); at += batch) {
    const auto some = std::span(names).subspan(at, std::min(batch, names.size() - at));
    std::vector<std::uint64_t> streams;
    for (std::size_t i = 0; i < some.size(); ++i) streams.push_back(at + i);
    const auto texts = captioner->caption(read_pictures(some), streams);
    for (std::size_t i = 0; i < some.size(); ++i)
      for (const blip::caption_result& r : texts[i])
        print_line(o.common.json ? as_json(some[i], r) : names.size() == 1 ? r.text : some[i] + "\t" + r.text);
  }
  return done;
}

void add_options(CLI::App& c, caption_options& o) {
  add_model(c, o.model);
  auto* const pictures = c.add_option_group("Pictures");
  pictures->add_option("--image", o.pictures.files, "Files: JPEG, PNG, PNM");
  pictures->add_option("--images", o.pictures.folder, "A folder of them");
  pictures->require_option(1, 2);
  o.prompt_given = c.add_option("--prompt", o.prompt, "What captions begin with");
  const char* const group = "Sampler";
  c.add_option("--sampler", o.sampler)
      ->check(CLI::IsMember({"greedy", "beam", "sample"}))
      ->capture_default_str()
      ->group(group);
  c.add_option("--beams", o.beam.beams)->check(CLI::Range(1, 1000))->capture_default_str()->group(group);
  c.add_option("--length-penalty", o.beam.length_penalty)->capture_default_str()->group(group);
  c.add_option("--beam-rule", o.rule, "How hypotheses are scored and when a search stops")
      ->check(CLI::IsMember({"transformers-4.15", "transformers-4.30", "transformers-5"}))
      ->group(group);
  c.add_option("--min-tokens", o.rules.min_tokens, "Of a caption, the stop id included")
      ->check(CLI::Range(0, 10000))->capture_default_str()->group(group);
  c.add_option("--max-tokens", o.max_tokens, "Default: 20, or what small models have positions for")
      ->check(CLI::Range(1, 10000))->group(group);
  c.add_option("--repetition-penalty", o.rules.repetition_penalty)->capture_default_str()->group(group);
  c.add_option("--temperature", o.filter.temperature)->capture_default_str()->group(group);
  c.add_option("--top-k", o.filter.top_k, "0: all")->capture_default_str()->group(group);
  c.add_option("--top-p", o.filter.top_p)->capture_default_str()->group(group);
  c.add_option("--num-captions", o.number, "The best n beams, or n samples")
      ->check(CLI::Range(1, 1000))->capture_default_str()->group(group);
}

}  // namespace

void add_caption(CLI::App& app, job& chosen) {
  add_command<caption_options>(app, chosen, "caption", "Describes pictures",
                               "blip caption --model run/captioner/model --image one.png two.png --sampler beam --json",
                               add_options, caption);
}

}  // namespace tool
