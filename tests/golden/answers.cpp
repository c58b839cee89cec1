// SPDX-License-Identifier: Apache-2.0
#include "answerer_case.hpp"
#include "support/backends.hpp"
#include "watched.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

template <class B>
using model_of = golden::watched<golden::answerer_of<B>>;

template <class S>
examples read_examples(const golden::test_case<S>& g, std::size_t questions) {
  const auto texts = [&](const std::string& of, std::size_t n) {
    return golden::texts_of(g.inputs.template read<int>(of + golden::ids), g.inputs.template read<int>(of + golden::mask), n);
  };
  const auto weights = g.inputs.template read<double>(golden::albef ? "weights" : "answer_weights");
  const auto counts = g.inputs.template read<int>(golden::albef ? "k" : "answers_per_question");
  examples e{
      .texts = texts("question", questions), .answers = texts("answer", weights.size()), .answer_weights = weights};
  for (std::size_t q = 0; q < questions; ++q)
    e.answer_of.insert(e.answer_of.end(), static_cast<std::size_t>(counts[q]), static_cast<int>(q));
  return e;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("steps over lists of weighted answers equal the published code", "[golden][answers]",
                        test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  using M = model_of<B>;
  const golden::test_case<S> g{std::string(c::directory)};
  const answer_options answer{.question_token = golden::albef ? -1 : c::enc_id,
                              .answer_token = golden::albef ? -1 : c::bos_id,
                              .smoothing = c::label_smoothing};
  constexpr teacher taught = golden::albef ? teacher::momentum : teacher::none;
  training_state<M> state(training_options{.momentum = c::momentum}, golden::answerer_options(), answer_list<taught>(answer));
  device<B> dev;

  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const golden::packing rows(g.inputs.template read<int>(std::string("question") + golden::mask), static_cast<int>(n));
  const auto b =
      state->prepare({pixels.data(), static_cast<int>(n), 3, c::image_size, c::image_size}, read_examples(g, n));

  const std::vector<std::string> runs =
      golden::albef ? std::vector<std::string>{"train.", "train_no_distill."} : std::vector<std::string>{""};
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
    const auto key = [&](const char* name) { return golden::key_of(g, run, first, name); };
    g.compare(key("image_embeds"), shown.values.at("image_states"), "outputs");
    g.compare(key("question_states"), rows.unpack(shown.values.at("question_states"), c::text_hidden), "outputs",
              rows.used);
    const std::string logits = key("answer_logits");
    const auto labels = g.expected.template read<int>(key(golden::albef ? "answer_targets" : "labels"));
    const auto answers = static_cast<std::size_t>(g.expected.shape(logits)[0]);
    g.compare(logits, shown.values.at("answer_logits"),
              golden::predicting_rows(g.expected.template read<double>(logits), labels, answers), "outputs");
    if (alpha > 0) {
      g.compare(run + "image_embeds_m", shown.values.at("momentum.image_states"), "outputs");
      g.compare(run + "question_states_m", rows.unpack(shown.values.at("momentum.question_states"), c::text_hidden),
                "outputs", rows.used);
    }
    g.compare(run + "loss", shown.values.at("vqa"), "losses");
    g.compare(run + "loss", to_host(losses.total), "losses");
    t.backward(losses.total);
    g.compare_gradients(state.gradients(), run, "", /*all_stored=*/r == 0);
    if constexpr (golden::albef) {
      g.compare(key("act_grad.image_embeds"), watching.gradient(t, "images"), "act_grad");
      g.compare(key("act_grad.question_states"), rows.unpack(watching.gradient(t, "multimodal"), c::text_hidden),
                "act_grad", rows.used);
      g.compare(key("act_grad.answer_logits"), watching.gradient(t, "decoder_logits"),
                golden::predicting_rows(g.expected.template read<double>(key("act_grad.answer_logits")), labels, answers),
                "act_grad");
    }
    state.commit();
    if (alpha > 0) golden::compare_carried(g, state, run);
  }
}
