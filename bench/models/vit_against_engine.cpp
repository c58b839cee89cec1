// SPDX-License-Identifier: Apache-2.0
//
// A ViT-B/16 forward against the bare engine: the same products (projections, Q K^T, P V) called directly, without
// norms, softmax, GELU, biases or residuals, on weights of the same size. Interleaved; the fastest of the rounds, which
// other work on the machine disturbs least, and the median of the rounds' ratios.
//   vit_against_engine [--rounds N] [--threads N] [--side PIXELS] [--only PART_OF_AN_ENGINES_NAME]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <omp.h>

#include "bare_engine.hpp"
#include "blip/backend/cpu.hpp"
#include "blip/backend/cpu/pack.hpp"
#include "blip/blip.hpp"

namespace {

using namespace blip;

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

struct way {
  const char* name;
  cpu::options options;
  std::unique_ptr<bare_engine> (*bare)(int threads);
};

}  // namespace

int main(int argc, char** argv) {
  int rounds = 9, threads = 2, side = 384;
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    if (option == "--only")
      only = argv[i + 1];
    else
      (option == "--rounds" ? rounds : option == "--threads" ? threads : side) = std::atoi(argv[i + 1]);
  }
  omp_set_num_threads(threads);
  std::vector<way> ways{{"Eigen fp32", {.threads = threads, .engine = gemm_engine::eigen}, bare_eigen}};
#if defined(BLIP_HAS_ONEDNN)
  if (cpu_engines::has_onednn()) {
    ways.push_back({"oneDNN fp32", {.threads = threads, .engine = gemm_engine::onednn}, bare_onednn_fp32});
    ways.push_back({"oneDNN bf16", {.threads = threads, .engine = gemm_engine::onednn, .products = precision::bf16}, bare_onednn_bf16});
  }
#endif
  std::erase_if(ways, [&](const way& it) { return std::string(it.name).find(only) == std::string::npos; });
  vit_options options = vit_b16.options;
  options.image_height = options.image_width = side;
  const int n = side / 16 * (side / 16) + 1, w = 768, h = 3072, heads = 12, one = 3 * side * side;

  bool good = true;
  std::printf("| engine | batch | forward ms | bare products ms | ratio | median | GFLOP/s | held / weights |\n|---|---|---|---|---|---|---|---|\n");
  for (const way& it : ways)
    for (const int batch : {1, 8}) {
      device<cpu> dev(it.options);
      vit<vit_b16.structure, cpu> tower(options);
      auto layout = std::make_shared<arena_layout>();
      layout->place("", tower);
      const arena<cpu> weights = [&] {
        arena<cpu> plain(layout);
        initialise(plain, 1);
        return pack(dev, std::move(plain));
      }();
      std::vector<float> pixels(static_cast<std::size_t>(batch) * static_cast<std::size_t>(one), 0.25f);
      const auto forward = [&] {
        inference_tape<cpu> t(dev, weights);
        tower.forward(t, images<inference_tape<cpu>>(t.input({pixels.data(), batch, one, one, nullptr}), 3, side, side));
      };
      const auto bare = it.bare(threads);
      const int rows = n * batch;
      bare->product(batch * (n - 1), w, w);
      for (int block = 0; block < 12; ++block) {
        bare->product(rows, w, 3 * w);
        bare->scores(batch * heads, n, w / heads);
        bare->product(rows, w, w);
        bare->product(rows, w, h);
        bare->product(rows, h, w);
      }
      forward(), forward(), bare->run();
      std::vector<double> ours, theirs, ratios;
      for (int r = 0; r < rounds; ++r) {
        ours.push_back(seconds(forward));
        theirs.push_back(seconds([&] { bare->run(); }));
        ratios.push_back(ours.back() / theirs.back());
      }
      const double fastest = *std::min_element(ours.begin(), ours.end());
      const double bare_fastest = *std::min_element(theirs.begin(), theirs.end()), ratio = fastest / bare_fastest;
      const auto held = static_cast<double>(weights.bytes() + dev.tensors().bytes_held() + dev.records().bytes_held());
      const double plain_bytes = static_cast<double>(layout->parameters()) * (it.options.products == precision::bf16 ? 2 : 4);
      std::printf("| %s | %d | %.1f | %.1f | %.3f | %.3f | %.0f | %.3f |\n", it.name, batch, 1e3 * fastest, 1e3 * bare_fastest, ratio,
                  median(ratios), bare->flop() / fastest * 1e-9, held / plain_bytes);
      std::fflush(stdout);
      good = good && ratio <= 1.15 && (batch > 1 || held <= 1.15 * plain_bytes);
    }
  return good ? 0 : 1;
}
