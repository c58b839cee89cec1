// SPDX-License-Identifier: Apache-2.0
//
// The profile of transformers describes picture files as transformers does.
#include "blip/tasks/captioner.hpp"
#include "hf_pictures.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace hf = golden::hf;

namespace {

constexpr tower_config structure = captioner_structure(hf::vision, hf::text);

}  // namespace

TEMPLATE_LIST_TEST_CASE("profiles: picture files are described as transformers does", "[golden][profile]",
                        test::golden_backends) {
  using B = TestType;
  using M = blip_captioner<structure, B>;
  const hf::picture_files g;
  const model_folder folder(g.directory + "/model");
  device<B> d;
  const pretrained<M> model(d, folder, lm());
  const wordpiece tokens = tokens_of(folder);
  captioner_options o{.view = view_of(folder)};
  o.follow(rules_of(profile::transformers));
  o.rules.max_tokens = static_cast<int>(g.json["settings"]["max_new_tokens"].get_int64().value());
  CHECK(o.prompt.empty());
  const auto check = [&](const std::string& way, const std::string& rule) {
    const captioner<M> describe(*model, model.values(), tokens, o);
    const auto found = describe(d, g.pictures);
    std::vector<int> prompt = tokens.open(o.prompt);
    prompt[0] = tokens.id("[DEC]");
    std::size_t i = 0;
    for (const auto expected : simdjson::dom::array(g.json["expected"])) {
      INFO(way << rule << ": picture " << i);
      std::vector<int> ids = prompt;
      const auto& made = found[i++].at(0).details.tokens;
      ids.insert(ids.end(), made.begin(), made.end());
      CHECK(ids == hf::ids_of(expected[way + "_ids" + rule]));
      if (rule.empty())
        CHECK(found[i - 1].at(0).text == std::string(expected[way + "_text"].get_string().value()));
    }
  };
  o.how = sampler::greedy;
  check("greedy", "");
  o.how = sampler::beam;
  check("beam3", "");
  const beam_rule followed = o.beam.rule;
  o.beam.rule = beam_rule::transformers_4_30;  // what is set behind a profile overrides it
  check("beam3", "_old_rule");
  o.beam.rule = followed, o.prompt = g.json["settings"]["prompt"].get_string().value();
  o.how = sampler::greedy;
  check("prompt_greedy", "");
  o.how = sampler::beam;
  check("prompt_beam3", "");
}
