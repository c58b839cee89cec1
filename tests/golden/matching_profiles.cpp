// SPDX-License-Identifier: Apache-2.0
//
// The two ways in which the official code judges a pair, each as the profiles choose it.
#include "blip/io/load_weights.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/itm_logits.hpp"
#include "blip/tasks/matcher.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr itc_config features{.width = c::embed_dim, .momentum = false};

}  // namespace

TEMPLATE_LIST_TEST_CASE("profiles: the official code judges a pair from [CLS] in its class for matching, else from [ENC]",
                        "[golden][profile]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = blip_retrieval<encoder_structure(golden::vision, golden::encoder), B, features>;
  const std::string directory(c::directory);
  const golden::test_case<S> g(directory);
  // A vocabulary whose special words are where the case has them.
  std::vector<std::string> words{"[PAD]", "[UNK]", "[MASK]"};
  while (words.size() < c::cls_id) words.push_back("word" + std::to_string(words.size()));
  for (const char* last : {"[CLS]", "[SEP]"}) words.emplace_back(last);
  const wordpiece tokens = blip_tokenizer(vocabulary(words));
  REQUIRE((tokens.opening() == c::cls_id && tokens.id("[DEC]") == c::bos_id && tokens.id("[ENC]") == c::enc_id));

  device<B> d;
  owned<M, B> model(1, tower_options{golden::vision_options, golden::encoder_options, {}},
                    itc<features>(itc_options{.queue = 0}), itm<>());
  const load_report read = load_weights(directory + "/weights.safetensors", model.values(), {.keep_missing = true});
  REQUIRE(read.missing.size() == 1);
  CHECK(read.missing[0].name == "temp");  // which no logit needs
  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const auto ids = golden::texts_of(g.inputs.template read<int>("input_ids"), g.inputs.template read<int>("attention_mask"), n);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  inference_tape<B> t(d, model.values());
  const auto& towers = model->towers();
  const auto seen = towers.images(
      t, golden::images_of(t, picture_batch<B>{pixels.data(), static_cast<int>(n), 3, c::image_size, c::image_size}));
  const auto context = towers.project(t, seen);
  const auto check = [&](bool marked, const char* name) {
    const text_batch<B> texts(ids, c::vocab_size, first_of_matching<typename M::towers_type>(tokens, marked));
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
