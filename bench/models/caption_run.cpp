// SPDX-License-Identifier: Apache-2.0
//
// A BLIP-base captioner on random weights and pixels: the vision tower alone, and captions from pixels on, greedy and by
// beams (rule of transformers 5), every text of exactly --tokens ids. Prints one line of JSON: the median seconds of
// each, the bytes of the weights as they are kept for inference, the bytes that the library holds in all (those and its
// pools), the process's peak. Its peer is bench/peers/caption_run.py.
//   caption_run [--batch 1] [--side 384] [--tokens 20] [--beams 3] [--precision fp32|bf16] [--engine onednn|eigen]
//                 [--threads 2] [--repeats 3]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <omp.h>

#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/blip.hpp"
#include "blip/generate/beam_search.hpp"
#include "blip/generate/decoder_model.hpp"
#include "blip/generate/greedy.hpp"
#include "blip/models/blip.hpp"

namespace {

using namespace blip;

struct settings {
  std::map<std::string, std::string> given{{"--batch", "1"},  {"--side", "384"},        {"--tokens", "20"},
                                           {"--beams", "3"},  {"--precision", "fp32"},  {"--engine", "auto"},
                                           {"--threads", "2"}, {"--repeats", "3"}};
  int number(const char* name) const { return std::atoi(given.at(name).c_str()); }
};

// The median of the repeats, after one that fills the pools.
template <class F>
double seconds_of(int repeats, F work) {
  std::vector<double> seconds;
  for (int r = 0; r <= std::max(1, repeats); ++r) {
    const auto start = std::chrono::steady_clock::now();
    work();
    if (r > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

int run(const settings& s) {
  const int batch = s.number("--batch"), side = s.number("--side"), tokens = s.number("--tokens"),
            threads = s.number("--threads"), repeats = s.number("--repeats"), one = 3 * side * side;
  omp_set_num_threads(threads);
  tower_options sizes = blip_captioner_base.options;
  sizes.vision.image_height = sizes.vision.image_width = side;
  blip_captioner<blip_captioner_base.structure, cpu> model(sizes, lm());
  auto layout = std::make_shared<arena_layout>();
  layout->place("", model);
  device<cpu> dev({.threads = threads,
                   .engine = s.given.at("--engine") == "eigen" ? gemm_engine::eigen : gemm_engine::automatic,
                   .products = s.given.at("--precision") == "bf16" ? precision::bf16 : precision::fp32});
  const arena<cpu> values = [&] {
    arena<cpu> plain(std::move(layout));
    initialise(plain, 1, {.by_fan_in = true});
    return pack(dev, std::move(plain));
  }();
  std::vector<float> pixels(static_cast<std::size_t>(batch) * static_cast<std::size_t>(one));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>((i * 2654435761u >> 8) % 1000) / 250 - 2;

  const auto see = [&](inference_tape<cpu>& t) {
    return model.towers().images(t, images<inference_tape<cpu>>(t.input({pixels.data(), batch, one, one, nullptr}), 3, side, side));
  };
  const double tower = seconds_of(repeats, [&] {
    inference_tape<cpu> t(dev, values);
    see(t);
  });
  const std::vector<std::vector<int>> prompts(static_cast<std::size_t>(batch), {30522});
  const token_rules rules{.min_tokens = tokens, .max_tokens = tokens};
  std::size_t made = 0;
  const auto describe = [&](auto how) {
    inference_tape<cpu> t(dev, values);
    const auto seen = see(t);
    const auto& d = model.towers().decoder();
    decoder_model next(t, d.text, d.head, d.text.project(t, seen.rows, seen.layout, true));
    for (const auto& texts : how(next)) made += texts.at(0).tokens.size();
  };
  const double first = seconds_of(repeats, [&] { describe([&](auto& next) { return greedy(next, prompts, rules); }); });
  const double beams = seconds_of(repeats, [&] {
    describe([&](auto& next) {
      return beam_search(next, prompts, rules, {.beams = s.number("--beams"), .rule = beam_rule::transformers_5});
    });
  });
  if (made % static_cast<std::size_t>(batch * tokens) != 0)
    return std::fprintf(stderr, "caption_run: a text of another length\n"), 1;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"side\": \"ours\", \"precision\": \"%s\", \"batch\": %d, \"threads\": %d, \"pixels\": %d, \"tokens\": %d, \"tower\": %.4f, "
      "\"greedy\": %.4f, \"beams\": %.4f, \"weight_bytes\": %llu, \"held_bytes\": %llu, \"peak_bytes\": %.0f}\n",
      s.given.at("--precision").c_str(), batch, threads, side, tokens, tower, first, beams,
      static_cast<unsigned long long>(values.bytes()),
      static_cast<unsigned long long>(values.bytes() + dev.tensors().bytes_held() + dev.records().bytes_held()),
      1024.0 * static_cast<double>(usage.ru_maxrss));
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  settings s;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!s.given.contains(argv[i])) return std::fprintf(stderr, "caption_run: no option %s\n", argv[i]), 2;
    s.given[argv[i]] = argv[i + 1];
  }
  return run(s);
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
