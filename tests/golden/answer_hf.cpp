// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/owned.hpp"
#include "blip/tasks/answerer.hpp"
#include "hf_pictures.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace hf = golden::hf;

namespace {

constexpr tower_config structure = answerer_structure(hf::vision, hf::text);

std::string words(simdjson::dom::element e, const std::string& key) { return std::string(e[key].get_string().value()); }

}  // namespace

TEMPLATE_LIST_TEST_CASE("answers to questions about picture files equal those of transformers", "[golden][hf]",
                        test::golden_backends) {
  using B = TestType;
  using M = blip_answerer<structure, B>;
  const hf::picture_files g;
  const model_folder folder(g.directory + "/model");
  owned<M, B> model(1, folder.options(), answer_list<>());
  load_model(folder, structure, model.values());
  const wordpiece tokens = blip_tokenizer(load_vocabulary(folder.find("vocab.txt").value()));
  CHECK(tokens.id("[DEC]") == folder.config().start_token);

  std::vector<image> pictures;
  std::vector<std::string> questions;
  std::vector<simdjson::dom::element> lines;
  for (const auto line : simdjson::dom::array(g.json["expected"])) {
    pictures.push_back(read_image(g.directory + "/" + words(line, "image")));
    questions.push_back(words(line, "question"));
    lines.push_back(line);
  }
  const preprocessor_config& p = folder.preprocessor();
  answerer_options o{.view = {.height = p.height, .width = p.width, .filter = pillow_filter(p.filter)}};
  o.follow(rules_of(profile::transformers), /*of_albef=*/false);
  o.view.statistics = {.mean = p.mean, .deviation = p.deviation, .scale = p.scale};
  o.rules.max_tokens = static_cast<int>(g.json["settings"]["max_new_tokens"].get_int64().value());
  device<B> d;
  const auto check = [&](const std::string& way, const std::string& rule) {
    const auto found = answerer<M>(*model, model.values(), tokens, o)(d, pictures, questions);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      INFO(way << rule << ": " << questions[i]);
      std::vector<int> ids{tokens.id("[DEC]")};
      ids.insert(ids.end(), found[i][0].details.tokens.begin(), found[i][0].details.tokens.end());
      CHECK(ids == hf::ids_of(lines[i][way + "_ids" + rule]));
      if (rule.empty()) CHECK(found[i][0].text == words(lines[i], way + "_text"));
    }
  };
  o.how = sampler::greedy;
  check("greedy", "");
  o.how = sampler::beam;
  check("beam3", "");
  o.beam.rule = beam_rule::transformers_4_30;
  check("beam3", "_old_rule");
}
