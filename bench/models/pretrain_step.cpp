// SPDX-License-Identifier: Apache-2.0
//
// One full pre-training step (forward, backward, AdamW, momentum average, queues) of BLIP-base at 224 px, ALBEF-base at
// 256 px, or the small model of the generated scenes at 32 px (gradients' norm and clipping included, no momentum) on
// random weights and pixels. Prints one line of JSON: samples_per_second (median), seconds of each step, bytes.
//   pretrain_step [--family blip|albef|scenes] [--precision fp32|bf16] [--engine onednn|eigen] [--batch N] [--threads N] [--steps N]
//                 [--lengths FILE] [--checkpoint N]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <omp.h>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"
#include "blip/models/scenes.hpp"
#include "blip/optim/non_finite.hpp"
#include "blip/train/train_step.hpp"

namespace {

using namespace blip;

struct settings {
  std::map<std::string, std::string> given{{"--family", "blip"}, {"--precision", "fp32"}, {"--engine", "auto"},
                                           {"--batch", "8"},     {"--threads", "2"},      {"--steps", "3"},
                                           {"--lengths", ""},    {"--checkpoint", "0"}};
  int number(const char* name) const { return std::atoi(given.at(name).c_str()); }
};

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
}

// A family's texts: first and last token (none: -1), and the range that the words are from.
struct vocabulary_use {
  int first, last, from, words;
};

std::vector<std::vector<int>> captions(int batch, int step, const std::vector<int>& lengths, const vocabulary_use& v) {
  std::vector<std::vector<int>> out;
  for (int b = 0; b < batch; ++b) {
    // Texts without [SEP] are ALBEF's, which are cut at 25 tokens.
    const int given = lengths[static_cast<std::size_t>(step * batch + b) % lengths.size()];
    const int n = v.last < 0 ? std::min(given, 25) : given;
    std::vector<int> text{v.first};
    while (static_cast<int>(text.size()) < n - (v.last >= 0))
      text.push_back(v.from + (step * 7919 + b * 104729 + static_cast<int>(text.size()) * 31) % v.words);
    if (v.last >= 0) text.push_back(v.last);
    out.push_back(std::move(text));
  }
  return out;
}

template <class Model, class... Losses>
int run(const settings& s, const tower_options& towers, int side, const vocabulary_use& words, Losses... losses) {
  const int batch = s.number("--batch"), threads = s.number("--threads");
  omp_set_num_threads(threads);
  std::vector<int> lengths;
  if (std::ifstream file(s.given.at("--lengths")); file)
    for (int n; file >> n;) lengths.push_back(n);
  if (lengths.empty()) lengths = {14, 10, 18, 12, 16, 9, 19, 14};
  device<cpu> dev({.threads = threads,
                   .engine = s.given.at("--engine") == "eigen" ? gemm_engine::eigen : gemm_engine::automatic,
                   .products = s.given.at("--precision") == "bf16" ? precision::bf16 : precision::fp32});
  training_state<Model> state({.seed = 1}, towers, losses...);
  adamw<cpu> optimiser(state.values().layout());
  [[maybe_unused]] non_finite policy;
  std::vector<float> pixels(static_cast<std::size_t>(batch) * 3 * static_cast<std::size_t>(side * side));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>((i * 2654435761u >> 8) % 1000) / 250 - 2;

  std::vector<double> seconds;
  float last = 0;
  for (int step = 0; step < s.number("--steps") + 1; ++step) {
    const auto b = state->prepare({pixels.data(), batch, 3, side, side},
                                  {.texts = captions(batch, step, lengths, words)}, {.step = static_cast<std::uint64_t>(step)});
    const auto start = std::chrono::steady_clock::now();
    dev.set_step(static_cast<std::uint64_t>(step));
    if constexpr (!Model::has_momentum) {
      const std::span batches(&b, 1);
      last = static_cast<float>(train_step(dev, state, optimiser, batches, {.rate = 1e-5, .clip = 1, .seed = 1}, policy).loss);
    } else {
      state.begin(dev);
      auto t = state.recording(dev, {.stochastic = true, .seed = 1});
      const auto loss = state->loss(t, state.carried(), b, {.alpha = 0.4});
      last = to_host(loss.total)[0];
      t.backward(loss.total);
      optimiser.step(dev, state.values(), state.gradients(), 1e-5);
      state.commit();
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (step > 0) seconds.push_back(took);  // the first one fills the pools
  }
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[sorted.size() / 2];
  const double weights = static_cast<double>(4 * state.values().bytes() + state.carried().momentum.bytes());
  std::printf("{\"family\": \"%s\", \"precision\": \"%s\", \"batch\": %d, \"threads\": %d, \"samples_per_second\": %.4f, \"loss\": %.4f, "
              "\"peak_bytes\": %.0f, \"held_bytes\": %.0f, \"step_memory\": %.0f, \"seconds\": [",
              s.given.at("--family").c_str(), s.given.at("--precision").c_str(), batch, threads, batch / median, static_cast<double>(last),
              peak_bytes(), peak_bytes() - weights, static_cast<double>(dev.tensors().bytes_held()));
  for (std::size_t i = 0; i < seconds.size(); ++i) std::printf("%s%.3f", i ? ", " : "", seconds[i]);
  std::printf("]}\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  for (int i = 1; i + 1 < argc; i += 2)
    if (s.given.contains(argv[i])) s.given[argv[i]] = argv[i + 1];
  if (s.given["--family"] == "scenes")
    return run<scenes_pretraining<cpu>>(s, with_vocabulary(scenes_blip.options, 83), 32, {1, 2, 3, 78},
                                        itc<scenes_features>({.queue = 0}), itm<>({.first_token = 82}, {.epsilon = 1e-4}),
                                        lm({.first_token = 81}));
  if (s.given["--family"] == "albef") {
    tower_options towers = albef_base.options;
    towers.vision.checkpoint_last = s.number("--checkpoint");
    return run<albef_pretraining<albef_base.structure, cpu>>(s, towers, 256, {101, -1, 1000, 20000}, itc<>({.queue = 65536}),
                                                             itm<>({.first_token = -1}), mlm<>());
  }
  tower_options towers = blip_base.options;
  towers.vision.checkpoint_last = s.number("--checkpoint");
  return run<blip_pretraining<blip_base.structure, cpu>>(s, towers, 224, {101, 102, 1000, 20000}, itc<>(), itm<>({}, {.epsilon = 1e-4}), lm());
}
