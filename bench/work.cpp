// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic of one pre-training step of BLIP-base at 224 px and ALBEF-base at 256 px: products counted, not computed,
// one multiply-add as 2 FLOP, captions of 14 tokens on average, momentum pass and queue included. Prints a line per
// model and fails when a step needs more than its share of what the published code does for the same batch.
#include <cstdio>
#include <vector>

#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "support/counted_step.hpp"

namespace {

using namespace blip;
using blip_test::multiply_adds;
using B = blip_test::counts_only;

const std::vector<int> caption_lengths{14, 10, 18, 12, 16, 9, 19, 14};

// What the published code does per sample with texts at their limit (30 and 25 tokens), counted from the shapes with
// the backward pass as twice the forward one (PyTorch's counter says 306.6 and 288.5: bench/peers/README.md), and the
// share of it that a step here may need.
struct published {
  const char* name;
  double gflop, share;
};

// Gigaflop per sample.
double gflop(const multiply_adds& m) { return 2 * m.all() / static_cast<double>(caption_lengths.size()) / 1e9; }

template <class Model, class... Losses>
bool counted(const published& than, const tower_options& towers, int side, const Losses&... losses) {
  examples e;
  for (const int n : caption_lengths) e.texts.emplace_back(static_cast<std::size_t>(n), 1000);
  const blip_test::work work = blip_test::counted_step<Model>(towers, e, side, losses...);

  const double forward = gflop(work.forward), backward = gflop(work.backward), again = gflop(work.recomputed);
  const double sum = forward + backward + again, share = sum / than.gflop;
  const auto attention = gflop({0, work.forward.attention + work.backward.attention + work.recomputed.attention, 0});
  const auto queue = gflop({0, 0, work.forward.similarity + work.backward.similarity + work.recomputed.similarity});
  std::printf(
      "%s: GFLOP per sample forward %.1f, backward %.1f, recomputed %.1f, together %.1f (of which attention %.1f, "
      "contrast %.2f); published %.1f, %.1f %% of it, at most %.0f %%\n",
      than.name, forward, backward, again, sum, attention, queue, than.gflop, 100 * share, 100 * than.share);
  return share <= than.share;
}

}  // namespace

int main() {
  const bool blip_fits = counted<blip_pretraining<blip_base.structure, B>>(
      {"blip", 306.8, 0.67}, blip_base.options, 224, itc<>(), itm<>({}, {.epsilon = 1e-4}), lm());
  const bool albef_fits = counted<albef_pretraining<albef_base.structure, B>>(
      {"albef", 288.8, 0.82}, albef_base.options, 256, itc<>({.queue = 65536}), itm<>({.first_token = -1}), mlm<>());
  return blip_fits && albef_fits ? 0 : 1;
}
