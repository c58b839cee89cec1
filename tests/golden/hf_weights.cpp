// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "blip/io/model_folder.hpp"
#include "blip/models/blip.hpp"
#include "golden_case.hpp"
#include "support/backends.hpp"

using namespace blip;

namespace {

// The sizes of the three cases: numbers that are part of a type.
constexpr vit_config retriever_vision{.width = 32, .heads = 2, .hidden = 64};
constexpr text_config retriever_text{
    .width = 24, .heads = 2, .hidden = 48, .context = 32, .cross = cross_schedule::all};
constexpr tower_config retriever_structure = encoder_structure(retriever_vision, retriever_text);
constexpr vit_config captioner_vision{.width = 40, .heads = 4, .hidden = 80, .patch = 8};
constexpr text_config captioner_text{
    .width = 36, .heads = 3, .hidden = 72, .context = 40, .cross = cross_schedule::all};
constexpr tower_config captioner_towers = captioner_structure(captioner_vision, captioner_text);
constexpr text_config answerer_text{.width = 32, .heads = 4, .hidden = 64, .context = 32, .cross = cross_schedule::all};
constexpr tower_config answerer_towers = answerer_structure(retriever_vision, answerer_text);
constexpr itc_config features{.width = 16, .momentum = false};

const std::string golden_folder = std::string(BLIP_GOLDEN_DIR) + "/hf/";

bool has_case(const char* name) {
  const bool there = std::filesystem::exists(golden_folder + name + "/case.json");
  if (!there) WARN("skipped: no golden case hf/" << name);
  return there;
}

// A case's folder, and its results within the tolerances that it states.
template <class B>
struct published {
  using S = typename B::scalar;

  model_folder folder;
  golden::stored expected;
  device<B> dev{};

  explicit published(const std::string& name)
      : folder(golden_folder + name + "/model"), expected(golden_folder + name + "/expected.safetensors") {}

  void compare(const std::string& name, const std::vector<S>& actual, const std::vector<double>& want) const {
    INFO(name);
    REQUIRE(actual.size() == want.size());
    const double absolute = sizeof(S) == 8 ? 1e-6 : 2e-4, relative = sizeof(S) == 8 ? 2e-7 : 2e-4;
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - want[i]) - relative * std::abs(want[i]));
    CHECK(worst <= absolute);
  }
  void compare(const std::string& name, const std::vector<S>& actual) const {
    compare(name, actual, expected.template read<double>(name));
  }
  std::vector<S> rows(const std::string& name) const { return expected.template read<S>(name); }
};

template <class S>
std::vector<S> row_block(const std::vector<S>& x, std::size_t block, std::size_t of) {
  const auto size = static_cast<std::ptrdiff_t>(x.size() / of), at = static_cast<std::ptrdiff_t>(block) * size;
  return {x.begin() + at, x.begin() + at + size};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("a retrieval model of transformers loads and gives its scores", "[golden][hf]",
                        test::golden_backends) {
  if (!has_case("retrieval")) return;
  using B = TestType;
  using S = typename B::scalar;
  using M = blip_retrieval<retriever_structure, B, features>;
  const published<B> g("retrieval");
  CHECK(g.folder.config().projection == features.width);
  owned<M, B> model(1, g.folder.options(), itc<features>(), itm<>({.first_token = -1}));
  const load_report report = load_model(g.folder, retriever_structure, model.values());
  CHECK(report.layout == weights_layout::transformers);
  CHECK(report.kept == std::vector<std::string>{"temp"});
  CHECK(report.unused.empty());

  const buffer<B, S> pixels{std::span<const S>(g.rows("pixel_values"))};
  auto t = model.inference(const_cast<device<B>&>(g.dev));
  const images<decltype(t)> pictures(t.input({pixels.data(), 3, 3 * 48 * 48, 3 * 48 * 48, nullptr}), 3, 48, 48);
  const auto& towers = model->towers();
  const auto seen = towers.images(t, pictures);
  g.compare("vision_last_hidden_state", to_host(seen.rows));

  const auto ids = g.expected.template read<int>("text_ids"), mask = g.expected.template read<int>("text_mask");
  const golden::packing packed(mask, 4);
  std::vector<std::vector<int>> texts(4);
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (mask[i]) texts[i / (ids.size() / 4)].push_back(ids[i]);
  const text_batch<B> batch(texts, towers.vocabulary());
  const auto states = towers.text(t, batch.ids(), batch.layout());
  g.compare("text_states", to_host(states), packed.pack(g.expected.template read<double>("text_states"), 24));

  // Every text with every picture: the source index says which.
  const auto read = towers.project(t, seen);
  const buffer<B, int> firsts(std::span<const int>(std::vector<int>{0, 10, 20}));
  const auto image_rows = ops::gather_rows(t, seen.rows, firsts.data(), 3);
  const auto image = to_host(model->template head_at<0>().image(t, image_rows));
  const auto text =
      to_host(model->template head_at<0>().text(t, ops::gather_rows(t, states, batch.layout().begins, 4)));
  std::vector<S> cosine;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      S sum = 0;
      for (std::size_t k = 0; k < 16; ++k) sum += image[i * 16 + k] * text[j * 16 + k];
      cosine.push_back(sum);
    }
  g.compare("itc_scores", cosine);
  for (int i = 0; i < 3; ++i) {
    const buffer<B, int> source(std::span<const int>(std::vector<int>(4, i)));
    const auto fused = towers.multimodal(t, batch.ids(), batch.layout(), read, source.data());
    if (i == 0)
      g.compare("fused_states_image0", to_host(fused),
                packed.pack(g.expected.template read<double>("fused_states_image0"), 24));
    const auto logits = model->template head_at<1>().forward(t, ops::gather_rows(t, fused, batch.layout().begins, 4));
    g.compare("itm_logits", to_host(logits),
              row_block(g.expected.template read<double>("itm_logits"), static_cast<std::size_t>(i), 3));
  }
}

TEMPLATE_LIST_TEST_CASE("a captioner of transformers loads, tied words included, and gives its logits", "[golden][hf]",
                        test::golden_backends) {
  if (!has_case("caption")) return;
  using B = TestType;
  using S = typename B::scalar;
  const published<B> g("caption");
  tower_options options = g.folder.options();
  options.vision.any_size = true;
  owned<blip_captioner<captioner_towers, B>, B> model(1, options, lm());
  const auto& towers = model->towers();
  const load_report report = load_model(g.folder, captioner_towers, model.values());
  CHECK(report.missing.empty());
  CHECK(report.loaded < report.parameters);  // a name of the word table and one of the bias are not stored

  auto t = model.inference(const_cast<device<B>&>(g.dev));
  const auto see = [&](const buffer<B, S>& pixels, int n, int side) {
    const int width = 3 * side * side;
    return towers.images(t, images<decltype(t)>(t.input({pixels.data(), n, width, width, nullptr}), 3, side, side));
  };
  const buffer<B, S> plain{std::span<const S>(g.rows("pixel_values"))};
  g.compare("vision_last_hidden_state", to_host(see(plain, 3, 32).rows));
  const buffer<B, S> larger{std::span<const S>(g.rows("larger_pixel_values"))};
  g.compare("larger_vision_last_hidden_state", to_host(see(larger, 1, 48).rows));

  const buffer<B, S> decoded{std::span<const S>(g.rows("decoder_pixel_values"))};
  const auto context = towers.decoder_reads(t, see(decoded, 3, 32), {});
  const auto ids = g.expected.template read<int>("decoder_input_ids");
  const golden::packing packed(g.expected.template read<int>("decoder_attention_mask"), 3);
  std::vector<std::vector<int>> texts(3);
  for (const int r : packed.rows)
    texts[static_cast<std::size_t>(r) / (ids.size() / 3)].push_back(ids[static_cast<std::size_t>(r)]);
  const text_batch<B> batch(texts, towers.vocabulary());
  const auto logits = towers.decoder_logits(t, towers.decode(t, batch.ids(), batch.layout(), context, nullptr));
  g.compare("decoder_logits", to_host(logits), packed.pack(g.expected.template read<double>("decoder_logits"), 260));
}

TEMPLATE_LIST_TEST_CASE("a model of transformers that answers questions loads and gives its logits", "[golden][hf]",
                        test::golden_backends) {
  if (!has_case("vqa")) return;
  using B = TestType;
  using S = typename B::scalar;
  const published<B> g("vqa");
  owned<blip_answerer<answerer_towers, B>, B> model(1, g.folder.options(), answer_list<>());
  const auto& towers = model->towers();
  CHECK(load_model(g.folder, answerer_towers, model.values()).unused.empty());

  auto t = model.inference(const_cast<device<B>&>(g.dev));
  const buffer<B, S> pixels{std::span<const S>(g.rows("pixel_values"))};
  const auto seen = towers.images(t, images<decltype(t)>(t.input({pixels.data(), 2, 3072, 3072, nullptr}), 3, 32, 32));
  g.compare("vision_last_hidden_state", to_host(seen.rows));
  const auto texts_of = [&](const char* ids_name, const golden::packing& packed) {
    const auto ids = g.expected.template read<int>(ids_name);
    std::vector<std::vector<int>> texts(3);
    for (const int r : packed.rows)
      texts[static_cast<std::size_t>(r) / (ids.size() / 3)].push_back(ids[static_cast<std::size_t>(r)]);
    return text_batch<B>(texts, towers.vocabulary());
  };
  const golden::packing asked(g.expected.template read<int>("question_mask"), 3);
  const auto questions = texts_of("question_ids", asked);
  const buffer<B, int> picture(std::span<const int>(std::vector<int>{0, 1, 0}));
  const auto states =
      towers.multimodal(t, questions.ids(), questions.layout(), towers.project(t, seen), picture.data());
  g.compare("question_states", to_host(states), asked.pack(g.expected.template read<double>("question_states"), 32));
  const golden::packing said(g.expected.template read<int>("answer_mask"), 3);
  const auto answers = texts_of("answer_ids", said);
  const auto read = towers.project_states(t, states, questions.layout());
  const auto logits = towers.decoder_logits(t, towers.decode(t, answers.ids(), answers.layout(), read, nullptr));
  g.compare("answer_logits_masked", to_host(logits),
            said.pack(g.expected.template read<double>("answer_logits_masked"), 230));
}
