// SPDX-License-Identifier: Apache-2.0
#include "blip/train/train_step.hpp"

#include <limits>

#include "support/catch.hpp"
#include "support/fenced.hpp"
#include "train/tiny_pretraining.hpp"

using namespace blip;
using namespace blip_test;

namespace {

template <class B>
typename B::options threads_of(int n) {
  typename B::options o{};
  if constexpr (requires { o.threads; }) o.threads = n;
  return o;
}

// Everything that a run changes, as bits.
template <class Model>
numbers all_of(training_state<Model>& s, adamw<typename Model::backend_type>& o) {
  numbers all;
  const auto add = [&](const auto& values) { all.insert(all.end(), values.begin(), values.end()); };
  for (const auto& e : s.values().layout()->entries()) {
    add(s.values().read(e)), add(o.first_moment().read(e)), add(o.second_moment().read(e));
    if (s.carried().momentum.holds(e)) add(s.carried().momentum.read(e));
  }
  auto& q = std::get<0>(s.carried().losses);
  add(q.images.rows().to_host()), add(q.texts.rows().to_host()), add(q.ids.to_host());
  all.push_back(static_cast<double>(q.cursor));
  return all;
}

// Trains `steps` steps, of which `bad` (if any) has a pixel that is not a number; the state at the end.
template <class Model>
numbers run(int steps, int bad = -1, int threads = 2, std::vector<double>* losses = nullptr) {
  using B = typename Model::backend_type;
  const auto state = make<Model>();
  device<B> dev(threads_of<B>(threads));
  adamw<B> optimiser(state->values().layout());
  non_finite policy;
  for (int step = 0; step < steps; ++step) {
    if (step == bad) {
      const auto in = input_of(**state, 99, 1, std::numeric_limits<double>::quiet_NaN());
      const auto report = train_step(dev, *state, optimiser, in, {.rate = 1e-2, .alpha = 0.4, .step = 99}, policy);
      CHECK(report.verdict == verdict::skip);
    }
    const auto in = input_of(**state, step);
    const auto report = train_step(dev, *state, optimiser, in,
                                   {.rate = 1e-2, .alpha = 0.4, .clip = 1, .seed = 3, .step = static_cast<std::uint64_t>(step)}, policy);
    CHECK(report.verdict == verdict::go);
    if (losses) losses->push_back(report.loss);
  }
  return all_of(*state, optimiser);
}

}  // namespace

TEST_CASE("train_step: a step that is not finite leaves no trace", "[train][step]") {
  CHECK(difference_of_bits(run<blip_model<cpu>>(4, 2), run<blip_model<cpu>>(4)) == "");
  CHECK(difference_of_bits(run<albef_model<cpu>>(4, 0), run<albef_model<cpu>>(4)) == "");
}

// O33
TEST_CASE("train_step: equal seeds give equal bits, on any number of threads", "[train][step]") {
  const numbers once = run<albef_model<cpu>>(3);
  for (const int threads : {1, 2, 3}) CHECK(difference_of_bits(once, run<albef_model<cpu>>(3, -1, threads)) == "");
}

TEST_CASE("train_step: nothing of a step is read in host memory that is not the host's", "[train][step]") {
  std::vector<double> here, fenced_losses;
  run<blip_model<reference<double>>>(2, -1, 2, &here);
  run<blip_model<fenced>>(2, -1, 2, &fenced_losses);
  CHECK(here == fenced_losses);
  here.clear(), fenced_losses.clear();
  run<albef_model<reference<double>>>(2, -1, 2, &here);
  run<albef_model<fenced>>(2, -1, 2, &fenced_losses);
  CHECK(here == fenced_losses);
}

// O11 for a ring that the batch does not divide.
TEST_CASE("train_step: every micro-batch enters the queue, in order, around its end", "[train][step]") {
  using model = blip_model<reference<double>>;
  const auto state = make<model>();
  device<reference<double>> dev;
  adamw<reference<double>> optimiser(state->values().layout());
  non_finite policy;
  auto& q = std::get<0>(state->carried().losses);
  const auto in = input_of(**state, 0, 3);

  // What the momentum model makes of each micro-batch.
  state->begin(dev);
  numbers expected = q.images.rows().to_host();
  for (std::size_t k = 0; k < 3; ++k) {
    numbers shown;
    const auto look = [&](std::string_view name, const matrix_view<const double>& x) {
      if (name == "momentum.image_feature") shown = to_host<reference<double>>(x);
    };
    const step_observer<reference<double>> observe(look);
    auto t = state->recording(dev);
    (*state)->loss(t, state->carried(), in.begin()[static_cast<std::ptrdiff_t>(k)], {.alpha = 0.4, .observe = &observe});
    for (std::size_t i = 0; i < shown.size(); ++i) expected[(k * shown.size() + i) % expected.size()] = shown[i];
  }
  state->discard();

  train_step(dev, *state, optimiser, in, {.rate = 0, .alpha = 0.4, .stochastic = false}, policy);
  CHECK(q.cursor == 3 * pairs);
  CHECK(q.images.rows().to_host() == expected);
}

TEST_CASE("train_step: micro-batches draw their own dropout", "[train][step]") {
  using model = blip_model<reference<double>>;
  const auto loss_of = [](int copies, bool stochastic) {
    const auto state = make<model>();
    device<reference<double>> dev;
    adamw<reference<double>> optimiser(state->values().layout());
    non_finite policy;
    step_batches<model> in;
    const numbers pixels = random_numbers(pairs * 3 * side * side, 1);
    for (int k = 0; k < copies; ++k) in.add(**state, pixels, 3, side, side, {.texts = {{1, 5}, {1, 6}, {1, 7}, {1, 8}}});
    return train_step(dev, *state, optimiser, in, {.stochastic = stochastic}, policy).loss;
  };
  CHECK(loss_of(2, true) != Approx(loss_of(1, true)).epsilon(1e-9));
}

TEST_CASE("train_step: an exception in its middle leaves no trace", "[train][step]") {
  using model = blip_model<cpu>;
  const auto once = [](bool broken) {
    const auto state = make<model>();
    device<cpu> dev;
    adamw<cpu> optimiser(state->values().layout());
    non_finite policy;
    const auto in = input_of(**state, 0, 2);
    if (broken) CHECK_THROWS_AS(train_step(dev, *state, optimiser, in, {.rate = blip_test::nan}, policy), numeric_error);
    CHECK_THROWS_AS(train_step(dev, *state, optimiser, step_batches<model>(), {}, policy), shape_error);
    train_step(dev, *state, optimiser, in, {.rate = 1e-2}, policy);
    return all_of(*state, optimiser);
  };
  CHECK(difference_of_bits(once(true), once(false)) == "");
}

// O5, O6: the decoder's loss alone.
TEST_CASE("train_step: the captioning loss moves what encoder and decoder share, and not the encoder's self-attention",
          "[train][step]") {
  using B = reference<double>;
  constexpr tower_config sizes = blip_structure(vision, text_of(cross_schedule::all));
  using model = vision_language_model<towers<sizes, B>, lm>;
  const text_options text = text_options_of(2, 0);
  training_state<model> state(training_options{.seed = 1}, tower_options{vision_options, text, text}, lm({.first_token = 30}));
  device<B> dev;
  adamw<B> optimiser(state.values().layout());
  non_finite policy;
  const auto read = [&](const char* name) { return state.values().read(std::string("text_encoder.") + name); };
  const char* const shared[] = {"encoder.layer.1.crossattention.self.key.weight", "encoder.layer.0.output.dense.weight",
                                "embeddings.word_embeddings.weight"};
  const char* const own[] = {"encoder.layer.0.attention.self.query.weight", "encoder.layer.1.attention.output.LayerNorm.weight"};
  std::vector<numbers> before;
  for (const char* n : shared) before.push_back(read(n));
  for (const char* n : own) before.push_back(read(n));
  const auto in = input_of(*state, 0);
  train_step(dev, state, optimiser, in, {.rate = 1e-2}, policy);
  for (std::size_t i = 0; i < 3; ++i) CHECK(read(shared[i]) != before[i]);
  for (std::size_t i = 0; i < 2; ++i) CHECK(read(own[i]) == before[3 + i]);
  for (const char* n : shared)
    CHECK(read(n) == state.values().read(std::string("text_decoder.bert.") + n));
}
