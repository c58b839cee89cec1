// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "blip/train/in_process.hpp"
#include "blip/train/train_step.hpp"
#include "train/tiny_pretraining.hpp"

// The same training on one rank and on several: what a rank computes, by the numbers of the examples that it has.
namespace blip_test {

inline constexpr int all_pairs = 6;  // in the batches of all ranks together

// A number of picture g of a step, and of its text: 3 to 6 tokens.
inline std::vector<int> text_of(int g, int step) {
  std::vector<int> text{1};
  for (int i = 0; i < 2 + (g * 5 + step) % 4; ++i) text.push_back(5 + (step * 7 + g * 5 + i * 11) % 20);
  return text;
}

// Examples first ... first + count - 1 of a micro-batch, as the rank with them prepares them. Pictures 1 and 4 are the
// same when there are ids.
template <class Model>
void add_examples(step_batches<Model>& to, const Model& m, int step, int micro_batch, int first, int count, bool ids = false,
                  double poison = 0) {
  using S = typename Model::backend_type::scalar;
  std::vector<S> pixels;
  examples e;
  for (int g = first; g < first + count; ++g) {
    for (const double x : random_numbers(3 * side * side, static_cast<std::uint64_t>(1 + g + 100 * step + 10 * micro_batch)))
      pixels.push_back(static_cast<S>(x));
    e.texts.push_back(text_of(g, step + micro_batch));
    if (ids) e.image_ids.push_back(g == 4 ? 1 : g);
  }
  if (poison != 0) pixels[17] = static_cast<S>(poison);
  to.add(m, pixels, 3, side, side, e, {.seed = 7, .step = static_cast<std::uint64_t>(step), .first = first});
}

// What is left after some steps.
struct outcome {
  std::vector<numbers> losses;  // of each step, the total first
  numbers gradients;            // of the last step, 0 where no loss reached
  numbers state;                // values, moments, momentum copy, queues
};

struct plan {
  int steps = 2, micro_batches = 1;
  bool stochastic = true, ids = false;
};

template <class Model>
outcome look(training_state<Model>& s, adamw<typename Model::backend_type>& o, std::vector<numbers> losses) {
  outcome out{std::move(losses), {}, {}};
  const auto add = [](numbers& to, const auto& values) { to.insert(to.end(), values.begin(), values.end()); };
  const auto& entries = s.values().layout()->entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& e = entries[i];
    if (s.gradients().touched(static_cast<int>(i)))
      add(out.gradients, s.gradients().values().read(e));
    else
      add(out.gradients, numbers(static_cast<std::size_t>(e.size()), 0));
    add(out.state, s.values().read(e)), add(out.state, o.first_moment().read(e)), add(out.state, o.second_moment().read(e));
    if (s.carried().momentum.holds(e)) add(out.state, s.carried().momentum.read(e));
  }
  if constexpr (requires { std::get<0>(s.carried().losses).cursor; }) {
    auto& q = std::get<0>(s.carried().losses);
    add(out.state, q.images.rows().to_host()), add(out.state, q.texts.rows().to_host()), add(out.state, q.ids.to_host());
    out.state.push_back(static_cast<double>(q.cursor));
  }
  return out;
}

// The run of rank `ranks.rank()`. `make` gives a training_state.
template <class Make, class B>
outcome train_rank(const Make& make, const plan& p, communicator<B>& ranks, device<B>& d) {
  const auto state = make();
  using model = std::remove_cvref_t<decltype(**state)>;
  adamw<B> optimiser(state->values().layout());
  non_finite policy;
  std::vector<numbers> losses;
  const int own = all_pairs / ranks.ranks();
  for (int step = 0; step < p.steps; ++step) {
    step_batches<model> in;
    for (int k = 0; k < p.micro_batches; ++k) add_examples(in, **state, step, k, own * ranks.rank(), own, p.ids);
    const auto report = train_step(d, *state, optimiser, in,
                                   {.rate = 1e-2,
                                    .alpha = 0.4,
                                    .clip = 1,
                                    .seed = 3,
                                    .step = static_cast<std::uint64_t>(step),
                                    .stochastic = p.stochastic},
                                   policy, &ranks);
    losses.push_back({report.loss});
    losses.back().insert(losses.back().end(), report.losses.begin(), report.losses.end());
    losses.back().push_back(report.gradient_norm);
  }
  return look(*state, optimiser, std::move(losses));
}

// The runs of all ranks, by rank.
template <class B, class Make>
std::vector<outcome> train(int ranks, const Make& make, const plan& p = {}, typename B::options options = {}) {
  std::vector<outcome> out(static_cast<std::size_t>(ranks));
  if (ranks == 1) {
    single_process<B> alone;
    device<B> d(options);
    out[0] = train_rank(make, p, alone, d);
  } else {
    in_process<B>({.ranks = ranks, .patience = 20}, options).run([&](communicator<B>& all, device<B>& d) {
      out[static_cast<std::size_t>(all.rank())] = train_rank(make, p, all, d);
    });
  }
  return out;
}

}  // namespace blip_test
