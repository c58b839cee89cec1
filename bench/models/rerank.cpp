// SPDX-License-Identifier: Apache-2.0
//
// Retrieval with re-ranking at published size: random weights and pixels, both directions, every query's shortlist
// read. Prints one line of JSON: samples_per_second (scores of both directions by the time of reading), pairs read,
// seconds of seeing pictures and texts and of reading pairs, the process's peak. Its peer is bench/peers/rerank.py;
// bench/peers/compare.sh runs both in turn.
//   rerank [--family blip|albef] [--side 384] [--pictures 8] [--texts 5] [--shortlist 8] [--precision fp32|bf16]
//          [--engine onednn|eigen] [--threads N] [--rounds 1] [--lengths FILE]
// --texts is for each picture.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <omp.h>

#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/models/albef.hpp"
#include "blip/models/blip.hpp"
#include "blip/tasks/retriever.hpp"

namespace {

using namespace blip;

struct settings {
  std::map<std::string, std::string> given{{"--family", "blip"},  {"--side", "384"},     {"--pictures", "8"},
                                           {"--texts", "5"},      {"--shortlist", "8"},  {"--precision", "fp32"},
                                           {"--engine", "auto"},  {"--threads", "2"},    {"--rounds", "1"},
                                           {"--lengths", ""}};
  int number(const char* name) const { return std::atoi(given.at(name).c_str()); }
};

// A vocabulary of as many words as BERT's, so that texts have the lengths that are asked for.
vocabulary made_up_words() {
  std::vector<std::string> tokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  while (tokens.size() < 30522) tokens.push_back("w" + std::to_string(tokens.size()));
  return vocabulary(tokens);
}

std::vector<std::string> made_up_texts(int count, const std::vector<int>& lengths, int special) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    std::string text;
    for (int k = special; k < lengths[static_cast<std::size_t>(i) % lengths.size()]; ++k)
      text += "w" + std::to_string(5 + (i * 104729 + k * 31) % 30000) + " ";
    texts.push_back(text);
  }
  return texts;
}

std::vector<image> made_up_pictures(int count, int side) {
  std::vector<image> pictures;
  for (int i = 0; i < count; ++i) {
    image& p = pictures.emplace_back(side, side);
    for (std::size_t k = 0; k < p.pixels.size(); ++k)
      p.pixels[k] = static_cast<std::uint8_t>((k * 2654435761u + static_cast<std::size_t>(i) * 40503u) >> 9);
  }
  return pictures;
}

template <tower_config C>
int run(const settings& s, tower_options sizes, const wordpiece& tokens, int special) {
  using model_type = vision_language_model<towers<C, cpu>, itc<itc_config{.momentum = false}>, itm<>>;
  const int side = s.number("--side"), threads = s.number("--threads"), k = s.number("--shortlist");
  omp_set_num_threads(threads);
  std::vector<int> lengths;
  if (std::ifstream file(s.given.at("--lengths")); file)
    for (int n; file >> n;) lengths.push_back(n);
  if (lengths.empty()) lengths = {14, 10, 18, 12, 16, 9, 19, 14};
  sizes.vision.image_height = sizes.vision.image_width = side;
  model_type model(sizes, itc<itc_config{.momentum = false}>(itc_options{.queue = 0}), itm<>());
  auto layout = std::make_shared<arena_layout>();
  layout->place("", model);
  arena<cpu> values(std::move(layout));
  initialise(values, 1, {.by_fan_in = true});
  device<cpu> dev({.threads = threads,
                   .engine = s.given.at("--engine") == "eigen" ? gemm_engine::eigen : gemm_engine::automatic,
                   .products = s.given.at("--precision") == "bf16" ? precision::bf16 : precision::fp32});
  values = pack(dev, std::move(values));

  const auto seconds_of = [](auto work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const retriever find(model, values, tokens, {.view = {.height = side, .width = side}, .shortlist = k});
  const std::vector<image> pixels = made_up_pictures(s.number("--pictures"), side);
  picture_index<cpu> pictures;
  text_index<cpu> texts;
  const double seeing = seconds_of([&] { pictures = find.pictures(dev, pixels); });
  const double hearing = seconds_of([&] {
    texts = find.texts(dev, made_up_texts(s.number("--pictures") * s.number("--texts"), lengths, special));
  });
  retrieval_matrices m;
  std::vector<double> rounds;
  for (int r = 0; r < std::max(1, s.number("--rounds")); ++r)
    rounds.push_back(seconds_of([&] { m = find.scores(dev, pictures, texts); }));
  std::sort(rounds.begin(), rounds.end());
  const double reading = rounds[rounds.size() / 2];
  const double scores = static_cast<double>(m.pictures) * std::min(k, m.texts) +
                        static_cast<double>(m.texts) * std::min(k, m.pictures);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"family\": \"%s\", \"precision\": \"%s\", \"threads\": %d, \"pictures\": %d, \"texts\": %d, \"shortlist\": "
      "%d, "
      "\"samples_per_second\": %.3f, \"pairs_read\": %zu, \"seconds_pictures\": %.3f, \"seconds_texts\": %.3f, "
      "\"seconds_reading\": %.3f, \"bytes_kept\": %llu, \"peak_bytes\": %.0f}\n",
      s.given.at("--family").c_str(), s.given.at("--precision").c_str(), threads, m.pictures, m.texts, k,
      scores / reading, m.pairs_read, seeing, hearing, reading,
      static_cast<unsigned long long>(pictures.bytes + texts.bytes), 1024.0 * static_cast<double>(usage.ru_maxrss));
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  settings s;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!s.given.contains(argv[i])) return std::fprintf(stderr, "rerank: no option %s\n", argv[i]), 2;
    s.given[argv[i]] = argv[i + 1];
  }
  if (s.given.at("--family") == "albef")
    return run<albef_encoder_base.structure>(s, albef_encoder_base.options, albef_tokenizer(made_up_words()), 1);
  return run<blip_encoder_base.structure>(s, blip_encoder_base.options, blip_tokenizer(made_up_words()), 2);
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
