// SPDX-License-Identifier: Apache-2.0
#include "json_object.hpp"
#include "pictures.hpp"
#include "sampling.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct caption_options {
  model_options model;
  picture_options pictures;
  std::string prompt;
  CLI::Option* prompt_given = nullptr;
  sampling_options sampling;
  common_options common;
};

blip::captioner_options options_for(const caption_options& o, const opened_model& m) {
  blip::captioner_options c{.view = m.view};
  c.follow(m.rules);
  if (o.prompt_given->count() > 0) c.prompt = o.prompt;
  const int positions = m.sizes.options.decoder.embedding.positions;
  o.sampling.fill(c, m, positions <= 32 ? positions : 20, static_cast<int>(m.tokens.open(c.prompt).size()));
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
  const compute on = o.common.on(/*on_gpu=*/true);
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

void add_caption_options(CLI::App& c, caption_options& o) {
  add_model(c, o.model);
  auto* const pictures = c.add_option_group("Pictures");
  pictures->add_option("--image", o.pictures.files, "Files: JPEG, PNG, PNM");
  pictures->add_option("--images", o.pictures.folder, "A folder of them");
  pictures->require_option(1, 2);
  o.prompt_given = c.add_option("--prompt", o.prompt, "What captions begin with");
  add_sampling(c, o.sampling, "20");
}

}  // namespace

void add_caption(CLI::App& app, job& chosen) {
  add_command<caption_options>(app, chosen, "caption", "Describes pictures",
                               "blip caption --model run/captioner/model --image one.png two.png --sampler beam --json",
                               add_caption_options, caption);
}

}  // namespace tool
