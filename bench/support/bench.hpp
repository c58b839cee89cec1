// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every benchmark shares: names, counters, the machine's measured peaks, random arenas.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "blip/backend/cpu.hpp"
#include "blip/blip.hpp"

namespace bench {

// Measured once per thread count, in this process: fused multiply-adds from registers, and copies of 64 MiB.
struct peaks {
  double flop_per_second, bytes_per_second;
};
const peaks& peak(int threads);

std::uint64_t allocations();  // calls of operator new so far

// One way to run the same work.
struct variant {
  std::string engine, dtype;
  blip::cpu::options options;
};
std::vector<variant> variants();               // engines x precisions x {1, 2} threads
std::vector<variant> threads_only();           // for work without matrix products
std::vector<variant> without_engine();         // for products of our own: precisions x {1, 2} threads

// Work of one iteration; items are pictures, tokens or rows.
struct work {
  double flop = 0, bytes = 0, items = 0;
};

// Registers BM_<thing>/<engine>/<dtype>/rows:R/W:W/threads:T. `prepare` builds what one iteration needs and returns it.
using iteration = std::function<void()>;
void add(const std::string& thing, const variant& v, int rows, int width, const work& w,
         const std::function<iteration()>& prepare);

// A deterministic matrix of values in [-1, 1).
std::vector<float> noise(std::size_t size, std::uint32_t seed);
blip::buffer<blip::cpu, float> noise_buffer(std::size_t size, std::uint32_t seed);

// FLOP of the usual products (one multiply-add is two).
inline double product_flop(double rows, double in, double out) { return 2 * rows * in * out; }
inline double attention_flop(double queries, double keys, double width) { return 4 * queries * keys * width; }

// A layer with random parameters, run forward on an inference tape or forward and backward on a recording one.
// `call(tape, layer)` returns the result; training seeds the backward pass with it.
template <class L, class... A>
struct subject {
  blip::owned<L, blip::cpu> layer;
  blip::device<blip::cpu> dev;
  std::vector<float> seed;

  template <class... P>
  explicit subject(const blip::cpu::options& o, P&&... p) : layer(1, std::forward<P>(p)...), dev(o) {}

  template <class F>
  void infer(F call) {
    auto t = layer.inference(dev);
    benchmark::DoNotOptimize(call(t, *layer).ref().get());
  }
  template <class F>
  void train(F call) {
    layer.gradients().clear();
    auto t = layer.recording(dev);
    const auto y = call(t, *layer);
    const std::size_t size = static_cast<std::size_t>(y.rows()) * static_cast<std::size_t>(y.view().width);
    if (seed.size() != size) seed.assign(size, 1e-3f);
    t.backward(y, {seed.data(), y.rows(), y.view().width, y.view().width, nullptr});
  }
};

}  // namespace bench
