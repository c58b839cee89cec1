// SPDX-License-Identifier: Apache-2.0
//
// Every loss as a function of all parameters of a model that trains with it.
#include "blip/backend/reference.hpp"
#include "support/catch.hpp"
#include "train/tiny_pretraining.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using exact = reference<double>;

template <class Model>
step_batches<Model> batch_of(const Model& m, int pictures, const examples& e) {
  step_batches<Model> out;
  out.add(m, random_numbers(pictures * 3 * side * side, 3), 3, side, side, e);
  return out;
}

// Along a direction of all parameters each loss rises as its gradient says: central differences of a step's losses
// against the product of gradient and direction. The teacher is another model by then, whose parameters stand still.
template <class Model>
void check_slopes(training_state<Model>& state, const step_batches<Model>& in, double alpha) {
  device<exact> dev;
  state.begin(dev);
  const auto& entries = state.values().layout()->entries();
  const auto* temperature = state.values().layout()->find("temp");
  std::vector<numbers> at_first, direction;
  for (const auto& e : entries) {
    const auto seed = static_cast<std::uint64_t>(e.offset) + 1;
    const bool fixed = temperature && &entries[static_cast<std::size_t>(temperature->entry)] == &e;
    at_first.push_back(fixed ? numbers{0.2} : random_numbers(static_cast<int>(e.size()), seed, -0.5, 0.5));
    direction.push_back(random_numbers(static_cast<int>(e.size()), seed + 7));
    if (fixed && alpha > 0) direction.back()[0] = 0;  // it shapes the teacher's targets too, which have no gradient
  }
  const auto go = [&](double far) {
    for (std::size_t k = 0; k < entries.size(); ++k) {
      numbers there = at_first[k];
      for (std::size_t i = 0; i < there.size(); ++i) there[i] += far * direction[k][i];
      state.values().write(entries[k], there);
    }
  };
  for (std::size_t loss = 0; loss < Model::loss_count; ++loss) {
    INFO(Model::loss_names[loss] << ", alpha " << alpha);
    const auto value = [&](double far) {
      go(far);
      auto t = state.recording(dev);
      const double found = to_host(state->loss(t, state.carried(), *in.begin(), {.alpha = alpha}).parts[loss])[0];
      state.discard();
      return found;
    };
    constexpr double h = 1e-6;
    const double rise = (value(h) - value(-h)) / (2 * h);
    go(0);
    state.gradients().clear();
    auto t = state.recording(dev);
    t.backward(state->loss(t, state.carried(), *in.begin(), {.alpha = alpha}).parts[loss]);
    double slope = 0;
    for (std::size_t k = 0; k < entries.size(); ++k)
      if (state.gradients().touched(static_cast<int>(k))) {
        const auto g = state.gradients().values().read(entries[k]);
        for (std::size_t i = 0; i < g.size(); ++i) slope += g[i] * direction[k][i];
      }
    state.discard();
    CHECK(std::abs(rise) > 1e-3);
    CHECK(std::abs(rise - slope) < 1e-6 * std::max(1.0, std::abs(rise)));
  }
}

const examples questions{.texts = {{1, 5, 9}, {1, 7, 8, 6}, {1, 10}, {1, 11, 12}},
                         .labels = {0, 2, 1, 1},
                         .answers = {{1, 20, 2}, {1, 21, 22, 2}, {1, 23, 2}, {1, 24, 2}, {1, 25, 2}},
                         .answer_of = {0, 1, 1, 2, 3},
                         .answer_weights = {1, 0.75, 0.25, 0.5, 1}};
constexpr text_config fusing = text_of(cross_schedule::from_layer);

}  // namespace

TEMPLATE_TEST_CASE("slopes: pre-training, each loss alone", "[oracles]", blip_model<exact>, albef_model<exact>) {
  const auto state = make<TestType>();
  const auto in = input_of(**state, 2);
  for (const double alpha : {0.0, 0.4}) check_slopes(*state, in, alpha);
}

TEST_CASE("slopes: answers, entailment and the assignment of texts", "[oracles]") {
  for (const double alpha : {0.0, 0.4}) {
    using answering = albef_answerer<albef_answerer_structure(vision, fusing), exact>;
    training_state<answering> asked(training_options{},
                                    tower_options{vision_options, text_options_of(4, 2), text_options_of(2, 0)},
                                    answer_list<teacher::momentum>({.question_token = -1, .answer_token = -1}));
    check_slopes(asked, batch_of(*asked, 4, questions), alpha);
    using entailing = albef_entailment<encoder_structure(vision, fusing), exact>;
    training_state<entailing> entailed(training_options{}, tower_options{vision_options, text_options_of(4, 2), {}},
                                       classification<3, teacher::momentum>());
    check_slopes(entailed, batch_of(*entailed, 4, questions), alpha);
  }
  constexpr text_assignment_config width{.width = 6};
  using assigning = albef_pair_pretraining<albef_pair_structure(vision, fusing), exact, width>;
  training_state<assigning> assigned(training_options{}, tower_options{vision_options, text_options_of(6, 2), {}},
                                     text_assignment<width>());
  check_slopes(assigned, batch_of(*assigned, 4, examples{.texts = questions.texts}), 0);
}
