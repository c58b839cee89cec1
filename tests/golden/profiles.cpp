// SPDX-License-Identifier: Apache-2.0
//
// Each profile gives the results of its stack: from picture files and texts those of transformers, and of the official
// code its two ways to judge a pair.
#include <cmath>
#include <filesystem>
#include <numeric>

#include "blip/image/image_file.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/tasks/multimodal_features.hpp"
#include "blip/tasks/pretrained.hpp"
#include "golden_case.hpp"
#include "support/backends.hpp"

using namespace blip;

namespace {

const std::string golden_folder = std::string(BLIP_GOLDEN_DIR) + "/";

bool has_case(const std::string& name) {
  const bool there = std::filesystem::exists(golden_folder + name + "/case.json");
  if (!there) WARN("skipped: no golden case " << name);
  return there;
}

// A case of transformers: its folder, its pictures, and what is expected of each of them.
struct published {
  std::string path;
  model_folder folder{path + "/model"};
  golden::stored expected{path + "/expected.safetensors"};
  simdjson::padded_string text = simdjson::padded_string::load(path + "/case.json").value();
  simdjson::dom::parser parser{};
  simdjson::dom::element json = parser.parse(text);
  std::vector<image> pictures{};

  explicit published(const std::string& name) : path(golden_folder + "hf/" + name) {
    for (const auto file : simdjson::dom::array(json["images"]))
      pictures.push_back(read_image(path + "/" + std::string(file.get_string().value())));
  }
  static std::vector<int> ids_of(simdjson::dom::element list) {
    std::vector<int> ids;
    for (const auto id : simdjson::dom::array(list)) ids.push_back(static_cast<int>(id.get_int64().value()));
    return ids;
  }
};

double furthest(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

constexpr itc_config features{.width = 16, .momentum = false};
constexpr tower_config retriever_structure =
    encoder_structure({.width = 32, .heads = 2, .hidden = 64},
                      {.width = 24, .heads = 2, .hidden = 48, .context = 32, .cross = cross_schedule::all});
constexpr tower_config writer_structure =
    captioner_structure({.width = 40, .heads = 4, .hidden = 80, .patch = 8},
                        {.width = 36, .heads = 3, .hidden = 72, .context = 40, .cross = cross_schedule::all});

}  // namespace

TEMPLATE_LIST_TEST_CASE("profiles: pairs of picture files and texts are judged as transformers does", "[golden][profile]",
                        test::golden_backends) {
  using B = TestType;
  using M = blip_retrieval<retriever_structure, B, features>;
  if (!has_case("hf/retrieval")) return;
  const published g("retrieval");
  device<B> d;
  const pretrained<M> model(d, g.folder, itc<features>(itc_options{.queue = 0}), itm<>());
  std::vector<std::string> texts;
  for (const auto t : simdjson::dom::array(g.json["settings"]["texts"]))
    texts.emplace_back(t.get_string().value());
  std::vector<pair_of> pairs;
  for (int i = 0; i < static_cast<int>(g.pictures.size()); ++i)
    for (int j = 0; j < static_cast<int>(texts.size()); ++j) pairs.push_back({i, j});
  const auto judged = [&](profile p) {
    matcher_options o{.view = view_of(g.folder)};
    o.follow(rules_of(p));
    return matcher<M>(*model, model.values(), tokens_of(g.folder), o).probabilities(d, g.pictures, texts, pairs);
  };
  std::vector<double> expected;
  const auto both = g.expected.template read<double>("itm_probabilities");
  for (std::size_t i = 1; i < both.size(); i += 2) expected.push_back(both[i]);
  CHECK(furthest(judged(profile::transformers), expected) < 4e-4);
  CHECK(furthest(judged(profile::official), expected) < 4e-4);  // the same in both: [CLS]
  CHECK(furthest(judged(profile::lavis), expected) > 1e-2);     // [ENC]

  const matcher<M> any(*model, model.values(), tokens_of(g.folder), {.view = view_of(g.folder)});
  const feature_rows a = any.image_features(d, g.pictures), b = any.text_features(d, texts);
  std::vector<double> cosines;
  for (const pair_of& p : pairs) {
    const auto x = a.row(p.picture), y = b.row(p.text);
    cosines.push_back(std::inner_product(x.begin(), x.end(), y.begin(), 0.0));
  }
  CHECK(furthest(cosines, g.expected.template read<double>("itc_scores")) < 4e-4);

  // The first row of each text that has read picture 0, [texts, length, width] in the file.
  matcher_options o{.view = view_of(g.folder)};
  o.marked = rules_of(profile::transformers).marked_pairs;
  const feature_rows fused = multimodal_features(d, *model, model.values(), tokens_of(g.folder),
                                                 std::vector<image>(texts.size(), g.pictures[0]), texts, o);
  const auto states = g.expected.template read<double>("fused_states_image0");
  const auto width = static_cast<std::size_t>(fused.width), step = states.size() / texts.size();
  std::vector<double> firsts;
  for (std::size_t j = 0; j < texts.size(); ++j)
    firsts.insert(firsts.end(), states.begin() + static_cast<std::ptrdiff_t>(j * step),
                  states.begin() + static_cast<std::ptrdiff_t>(j * step + width));
  CHECK(furthest({fused.values.begin(), fused.values.end()}, firsts) < 1e-3);
}

TEMPLATE_LIST_TEST_CASE("profiles: picture files are described as transformers does", "[golden][profile]",
                        test::golden_backends) {
  using B = TestType;
  using M = blip_captioner<writer_structure, B>;
  if (!has_case("hf/caption")) return;
  const published g("caption");
  device<B> d;
  const pretrained<M> model(d, g.folder, lm());
  const wordpiece tokens = tokens_of(g.folder);
  captioner_options o{.view = view_of(g.folder)};
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
      CHECK(ids == published::ids_of(expected[way + "_ids" + rule]));
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

namespace {

constexpr vit_config judge_vision{.width = 27, .heads = 3, .hidden = 108, .patch = 8};
constexpr text_config judge_text{.width = 32, .heads = 4, .hidden = 48, .context = 27, .cross = cross_schedule::all};

}  // namespace

TEMPLATE_LIST_TEST_CASE("profiles: the official code judges a pair from [CLS] in its class for matching, else from [ENC]",
                        "[golden][profile]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = blip_retrieval<encoder_structure(judge_vision, judge_text), B, features>;
  if (!has_case("blip/itm-head")) return;
  const golden::test_case<S> g(golden_folder + "blip/itm-head");
  std::vector<std::string> words{"[PAD]", "[UNK]", "[MASK]"};
  while (words.size() < 116) words.push_back("word" + std::to_string(words.size()));
  for (const char* last : {"[CLS]", "[SEP]"}) words.emplace_back(last);
  const wordpiece tokens = blip_tokenizer(vocabulary(words));
  REQUIRE((tokens.opening() == 116 && tokens.id("[DEC]") == 118 && tokens.id("[ENC]") == 119));

  const tower_options sizes{{.depth = 2, .image_height = 32, .image_width = 32},
                            {.layers = 2, .embedding = {.vocabulary = 120, .positions = 16}},
                            {}};
  device<B> d;
  owned<M, B> model(1, sizes, itc<features>(itc_options{.queue = 0}), itm<>());
  const load_report read =
      load_weights(golden_folder + "blip/itm-head/weights.safetensors", model.values(), {.keep_missing = true});
  REQUIRE(read.missing.size() == 1);
  CHECK(read.missing[0].name == "temp");  // which no logit needs
  const std::size_t n = 4;
  const auto all = g.inputs.template read<int>("input_ids"), mask = g.inputs.template read<int>("attention_mask");
  std::vector<std::vector<int>> ids(n);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (mask[i]) ids[i / (all.size() / n)].push_back(all[i]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  inference_tape<B> t(d, model.values());
  const auto& towers = model->towers();
  const auto seen = towers.images(t, images<inference_tape<B>>(t.input(golden::rows_of(pixels.data(), 4, 3 * 32 * 32)),
                                                               3, 32, 32));
  const auto context = towers.project(t, seen);
  const auto check = [&](bool marked, const char* name) {
    const text_batch<B> texts(ids, 120, first_of_matching<typename M::towers_type>(tokens, marked));
    g.compare(name, to_host(itm_logits(t, *model, texts, context, nullptr)), "outputs");
  };
  const profile_rules &official = rules_of(profile::official), &lavis = rules_of(profile::lavis);
  check(official.marked_match, "itm_logits");
  check(official.marked_pairs, "itm_logits_enc");
  check(lavis.marked_match, "itm_logits_enc");
  check(lavis.marked_pairs, "itm_logits_enc");
  check(rules_of(profile::transformers).marked_match, "itm_logits");
  check(usual_rules(weights_layout::official).marked_match, "itm_logits_enc");
}
