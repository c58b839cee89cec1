// SPDX-License-Identifier: Apache-2.0
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"
#include "watched.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr itc_config features{.width = c::embed_dim};
constexpr tower_config structure = encoder_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, golden::encoder_options, {}};
constexpr const char* pointer = golden::albef ? "queue_ptr" : "ptr_queue";

// The case's own draws; shows what they were drawn by.
struct watched_negatives : given_negatives {
  using needs = type_list<need::similarity>;

  template <class P>
  negative_indices draw(P& pass, const int* ids) const {
    pass.show("image_to_text", pass.image_to_text), pass.show("text_to_image", pass.text_to_image);
    return given_negatives::draw(pass, ids);
  }
};

template <class B>
using model_of = golden::watched<std::conditional_t<golden::albef, albef_retrieval<structure, B, features, watched_negatives>,
                                                    blip_retrieval<structure, B, features, watched_negatives>>>;

// ALBEF draws by the similarity to the momentum model's features (beside which the case stores the queue's), BLIP by
// that of the features themselves.
std::vector<double> first_columns(const std::vector<double>& x, std::size_t n) {
  const std::size_t width = x.size() / n;
  std::vector<double> out;
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t i = 0; i < n; ++i) out.push_back(x[r * width + i]);
  return out;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("retrieval steps with image ids equal the published code", "[golden][retrieval]",
                        test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = model_of<B>;
  const golden::test_case<S> g{std::string(c::directory)};
  training_state<M> state(
      training_options{.momentum = c::momentum}, options,
      itc<features>({.queue = c::queue_size,
                     .clamp = !golden::albef,
                     .similarity = golden::albef ? similarity_columns::momentum : similarity_columns::online}),
      itm<watched_negatives>({.first_token = golden::albef ? -1 : c::enc_id}));
  device<B> dev;
  auto& queue = std::get<0>(state.carried().losses);
  adamw<B> optimiser(state.values().layout());
  golden::decay_as_published(optimiser, *state.values().layout(), golden::weight_decay(g));

  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto mask = g.inputs.template read<int>("attention_mask");
  const golden::packing rows(mask, static_cast<int>(n));
  const auto b = state->prepare({pixels.data(), static_cast<int>(n), 3, c::image_size, c::image_size},
                                {.texts = golden::texts_of(g.inputs.template read<int>("input_ids"), mask, n),
                                 .image_ids = g.inputs.template read<int>("idx")});

  const std::vector<std::string> runs =
      golden::albef ? std::vector<std::string>{"distill.", "no_distill."} : std::vector<std::string>{""};
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const std::string &run = runs[r], &first = runs[0];
    INFO("run " << run);
    golden::load_state<M, S>(state, g.weights);
    golden::load_queues<B>(queue, g.weights, "", pointer, c::queue_size, c::embed_dim);
    const auto images = golden::to_device<B>(g.inputs.template read<int>(run + golden::name_of_negative_images));
    const auto texts = golden::to_device<B>(g.inputs.template read<int>(run + golden::name_of_negative_texts));
    state.model().template loss_at<1>().negatives.indices = {images.data(), texts.data()};

    state.begin(dev);
    if (g.expected.has("temp_after_clamp")) g.compare("temp_after_clamp", state.values().read("temp"), "outputs");
    auto t = state.recording(dev);
    const golden::watch<B> watching;
    golden::shown<B> shown;
    const step_observer<B> observe(shown);
    const auto losses =
        state->loss(t, state.carried(), b, {.alpha = golden::alpha(g, static_cast<int>(r)), .observe = &observe});
    const auto check = [&](const char* ours, const char* theirs, const char* kind = "outputs") {
      g.compare(golden::key_of(g, run, first, theirs), shown.values.at(ours), kind);
    };
    check("image_states", "image_embeds");
    g.compare(golden::key_of(g, run, first, "image_embeds_m"),
              golden::image_states(dev, state.model(), state.carried().momentum, b.pictures), "outputs");
    check("image_feature", "image_feat"), check("text_feature", "text_feat");
    check("momentum.image_feature", "image_feat_m"), check("momentum.text_feature", "text_feat_m");
    check("loss_i2t", "loss_i2t", "losses"), check("loss_t2i", "loss_t2i", "losses");
    check("itc", "loss_ita", "losses"), check("itm", "loss_itm", "losses"), check("itm_logits", "itm_logits");
    if constexpr (!golden::albef) check("itm_states", "itm_hidden_cls");
    for (const std::string which : {"", "momentum."}) {
      const std::string theirs =
          std::string(golden::albef ? "text_embeds" : "text_hidden") + (which.empty() ? "" : "_m");
      const auto& values = which.empty() ? state.values() : state.carried().momentum;
      g.compare(golden::key_of(g, run, first, theirs),
                rows.unpack(golden::albef ? shown.values.at(which + "text_states")
                                          : golden::text_states(dev, state.model(), values, b.texts), c::text_hidden),
                "outputs", rows.used);
    }
    for (const auto& [ours, theirs] : {std::pair("image_to_text", "sim_i2t"), std::pair("text_to_image", "sim_t2i")}) {
      const std::string key = golden::key_of(g, run, first, golden::albef ? theirs : theirs + std::string("_online"));
      g.compare(key, shown.values.at(ours), first_columns(g.expected.template read<double>(key), n), "outputs");
    }
    g.compare(run + "loss", to_host(losses.total), "losses");
    t.backward(losses.total);
    g.compare_gradients(state.gradients(), run);
    if constexpr (golden::albef) {
      for (const auto& [ours, theirs] : {std::pair("images", "image_embeds"), std::pair("image_feature", "image_feat"),
                                         std::pair("text_feature", "text_feat"), std::pair("itm.logits", "itm_logits")})
        g.compare(golden::key_of(g, run, first, std::string("act_grad.") + theirs), watching.gradient(t, ours), "act_grad");
      g.compare(golden::key_of(g, run, first, "act_grad.text_embeds"),
                rows.unpack(watching.gradient(t, "text"), c::text_hidden), "act_grad", rows.used);
    }
    state.commit();
    const std::string after = g.expected.has(run + "after.image_queue") ? run : first;
    golden::compare_carried(g, state, after);
    golden::compare_queues<B>(g, queue, after, pointer);
    if (!g.expected.has(run + "after.temp")) continue;  // a run without an optimiser step
    if (sizeof(S) < 8) golden::feed_gradients(g, state.gradients(), run);
    const double rate = golden::learning_rate(g, 0);
    optimiser.step(dev, state.values(), state.gradients(), rate);
    golden::compare_after(g, state.values(), run, rate);
  }
}
