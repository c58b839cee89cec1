// SPDX-License-Identifier: Apache-2.0
#include "blip/models/albef.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"
#include "watched.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

// Entailment has one picture to a text; reasoning about two (NLVR2) is the same in all else.
constexpr int pictures_each = c::case_name == std::string_view("nlvr") ? 2 : 1;
constexpr tower_config structure = pictures_each == 2 ? albef_pair_structure(golden::vision, golden::encoder)
                                                      : encoder_structure(golden::vision, golden::encoder);
using loss_type = classification<c::num_classes, teacher::momentum, pictures_each>;
const tower_options options{golden::vision_options, golden::encoder_options, {}};
template <class B>
using plain_model = vision_language_model<towers<structure, B>, loss_type>;
static_assert(pictures_each == 2     ? std::same_as<plain_model<cpu>, albef_pair_reasoning<structure, cpu>>
              : c::num_classes == 3 ? std::same_as<plain_model<cpu>, albef_entailment<structure, cpu>>
                                    : true);  // the published model has three classes, a case may have others
template <class B>
using model_of = golden::watched<plain_model<B>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("entailment steps and predictions equal the published code", "[golden][entailment]",
                        test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = model_of<B>;
  const golden::test_case<S> g{std::string(c::directory)};
  training_state<M> state(training_options{.momentum = c::momentum}, options, loss_type());
  device<B> dev;

  const auto count = static_cast<int>(g.inputs.shape("images")[0]);
  const auto n = static_cast<std::size_t>(count / pictures_each);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto mask = g.inputs.template read<int>("attention_mask");
  const golden::packing rows(mask, static_cast<int>(n));
  const picture_batch<B> pictures{pixels.data(), count, 3, c::image_size, c::image_size};
  const auto b = state->prepare(pictures, {.texts = golden::texts_of(g.inputs.template read<int>("input_ids"), mask, n),
                                           .labels = g.inputs.template read<int>("labels")});

  const std::vector<std::string> runs{"train.", "train_no_distill."};
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::string &run = runs[r], &first = runs[0];
    INFO("run " << run);
    const double alpha = golden::alpha(g, static_cast<int>(r));
    golden::load_state<M, S>(state, g.weights);
    state.average_due() = alpha > 0;  // a run without a teacher leaves the momentum copy alone
    state.begin(dev);
    auto t = state.recording(dev);
    const golden::watch<B> watching;
    golden::shown<B> shown;
    const step_observer<B> observe(shown);
    const auto losses = state->loss(t, state.carried(), b, {.alpha = alpha, .observe = &observe});
    const auto check = [&](const std::string& ours, const std::string& theirs) {
      const auto& got = shown.values.at(ours);
      const std::string key = golden::key_of(g, run, first, theirs);
      if (ours.ends_with("states") && !ours.ends_with("image_states"))
        g.compare(key, rows.unpack(got, c::text_hidden), "outputs", rows.used);
      else
        g.compare(key, got, "outputs");
    };
    check("image_states", "image_embeds"), check("states", "text_hidden"), check("logits", "prediction");
    if (alpha > 0) {
      check("momentum.image_states", "image_embeds_m"), check("momentum.states", "text_hidden_m");
      check("momentum.logits", "prediction_m");
    }
    g.compare(run + "loss", shown.values.at("classification"), "losses");
    g.compare(run + "loss", to_host(losses.total), "losses");
    t.backward(losses.total);
    g.compare_gradients(state.gradients(), run, "", /*all_stored=*/r == 0);
    for (const auto& [ours, theirs] : {std::pair("images", "image_embeds"), std::pair("classification.logits", "prediction")})
      g.compare(golden::key_of(g, run, first, std::string("act_grad.") + theirs), watching.gradient(t, ours), "act_grad");
    g.compare(golden::key_of(g, run, first, "act_grad.text_hidden"),
              rows.unpack(watching.gradient(t, "multimodal"), c::text_hidden), "act_grad", rows.used);
    state.commit();
    if (alpha > 0) golden::compare_carried(g, state, run);
  }

  auto t = state.inference(dev);
  const auto& towers = state->towers();
  const auto images = towers.images(t, golden::images_of(t, pictures));
  const auto context = [&] {
    if constexpr (pictures_each == 2)
      return towers.project_pairs(t, images);
    else
      return towers.project(t, images);
  }();
  const auto& texts = b.texts;
  const auto states = towers.multimodal(t, texts.ids(), texts.layout(), context, nullptr);
  const auto first_rows = ops::gather_rows(t, states, texts.layout().begins, texts.layout().sequences);
  g.compare("predict.prediction", to_host(state->template head_at<0>().forward(t, first_rows)), "outputs");
}
