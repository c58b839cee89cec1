// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <thread>

#include "support/bench.hpp"

namespace {
std::atomic<std::uint64_t> calls_of_new{0};
}

// Not inlined, or GCC takes the pair for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++calls_of_new;
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

// Eight-wide enough to hide the latency of the multiply-add on every current processor.
#if defined(__AVX512F__)
constexpr int lanes = 16;
#elif defined(__AVX__)
constexpr int lanes = 8;
#else
constexpr int lanes = 4;
#endif
typedef float vec __attribute__((vector_size(lanes * sizeof(float))));

double fma_flop(int rounds) {
  constexpr int chains = 12;
  vec a[chains];
  for (int c = 0; c < chains; ++c)
    for (int l = 0; l < lanes; ++l) a[c][l] = static_cast<float>(c + l) * 1e-3f;
  vec x = a[1] + 0.5f, y = a[2];
  for (int r = 0; r < rounds; ++r) {
    for (int c = 0; c < chains; ++c) a[c] = a[c] * x + y;
    benchmark::DoNotOptimize(a);
  }
  return 2.0 * rounds * chains * lanes;
}

// Runs `body` on `threads` threads at once, three times, and keeps the best rate of its summed results.
double best_rate(int threads, const std::function<double()>& body) {
  double best = 0;
  for (int repeat = 0; repeat < 3; ++repeat) {
    std::vector<double> done(static_cast<std::size_t>(threads));
    std::vector<std::thread> team;
    const auto start = clock::now();
    for (int i = 0; i < threads; ++i) team.emplace_back([&, i] { done[static_cast<std::size_t>(i)] = body(); });
    for (auto& t : team) t.join();
    double sum = 0;
    for (const double d : done) sum += d;
    best = std::max(best, sum / std::chrono::duration<double>(clock::now() - start).count());
  }
  return best;
}

double copy_bytes() {
  constexpr std::size_t size = 64u << 20;
  static thread_local std::vector<char> from(size, 1), to(size, 2);
  for (int i = 0; i < 4; ++i) {
    std::memcpy(to.data(), from.data(), size);
    benchmark::DoNotOptimize(to.data());
  }
  return 4.0 * 2 * size;
}

}  // namespace

const peaks& peak(int threads) {
  static std::map<int, peaks> known;
  const auto at = known.find(threads);
  if (at != known.end()) return at->second;
  const peaks p{best_rate(threads, [] { return fma_flop(6'000'000); }), best_rate(threads, copy_bytes)};
  return known.emplace(threads, p).first->second;
}

std::uint64_t allocations() { return calls_of_new; }

std::vector<variant> threads_only() {
  std::vector<variant> all;
  for (const int threads : {1, 2}) all.push_back({"cpu", "fp32", {.threads = threads}});
  return all;
}

std::vector<variant> without_engine() {
  std::vector<variant> all = threads_only();
  for (const int threads : {1, 2}) all.push_back({"cpu", "bf16", {.threads = threads, .products = blip::precision::bf16}});
  return all;
}

std::vector<variant> variants() {
  std::vector<variant> all;
  for (const int threads : {1, 2}) {
    all.push_back({"eigen", "fp32", {.threads = threads, .engine = blip::gemm_engine::eigen}});
    if (!blip::cpu_engines::has_onednn()) continue;
    all.push_back({"onednn", "fp32", {.threads = threads, .engine = blip::gemm_engine::onednn}});
    all.push_back({"onednn", "bf16",
                   {.threads = threads, .engine = blip::gemm_engine::onednn, .products = blip::precision::bf16}});
  }
  return all;
}

void add(const std::string& thing, const variant& v, int rows, int width, const work& w,
         const std::function<iteration()>& prepare) {
  const int threads = v.options.threads;
  const std::string name = "BM_" + thing + "/" + v.engine + "/" + v.dtype + "/rows:" + std::to_string(rows) +
                           "/W:" + std::to_string(width) + "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    const iteration run = prepare();
    run(), run();
    const std::uint64_t before = allocations();
    const auto start = clock::now();
    for (auto _ : state) run();
    const double seconds = std::chrono::duration<double>(clock::now() - start).count();
    const auto n = static_cast<double>(state.iterations());
    using counter = benchmark::Counter;
    if (w.flop > 0) state.counters["FLOP/s"] = counter(w.flop * n, counter::kIsRate);
    if (w.bytes > 0) state.counters["bytes/s"] = counter(w.bytes * n, counter::kIsRate);
    state.counters["items/s"] = counter(w.items * n, counter::kIsRate);
    state.counters["allocs"] = static_cast<double>(allocations() - before) / n;
    // The share of whichever peak binds this work on this machine.
    const double bound = std::max(w.flop / peak(threads).flop_per_second, w.bytes / peak(threads).bytes_per_second);
    state.counters["peak"] = bound * n / seconds;
  })->UseRealTime()->Unit(benchmark::kMicrosecond);
}

std::vector<float> noise(std::size_t size, std::uint32_t seed) {
  std::vector<float> v(size);
  const blip::random_site site{seed, nullptr, 1};
  for (std::size_t i = 0; i < size; ++i) v[i] = 2 * site.uniform(0, static_cast<std::uint32_t>(i >> 20), static_cast<std::uint32_t>(i & 0xfffff)) - 1;
  return v;
}
blip::buffer<blip::cpu, float> noise_buffer(std::size_t size, std::uint32_t seed) {
  return blip::buffer<blip::cpu, float>(std::span<const float>(noise(size, seed)));
}

}  // namespace bench

int main(int argc, char** argv) {
  for (const int threads : {1, 2}) {
    const bench::peaks& p = bench::peak(threads);
    const std::string suffix = "/threads:" + std::to_string(threads);
    const auto show = [](double rate, const char* name) {
      return [rate, name](benchmark::State& state) {
        for (auto _ : state) benchmark::DoNotOptimize(rate);
        state.counters[name] = rate;
      };
    };
    benchmark::RegisterBenchmark(("BM_peak_fma" + suffix).c_str(), show(p.flop_per_second, "FLOP/s"))->Iterations(1);
    benchmark::RegisterBenchmark(("BM_peak_copy" + suffix).c_str(), show(p.bytes_per_second, "bytes/s"))->Iterations(1);
  }
#if !defined(__AVX2__) && defined(__x86_64__)
  std::fprintf(stderr, "blip_bench: built for the baseline instruction set; configure with the bench preset\n");
#endif
  benchmark::AddCustomContext("instruction_set", []() -> std::string {
#if defined(__AVX512F__)
    return "avx512";
#elif defined(__AVX2__)
    return "avx2";
#else
    return "baseline";
#endif
  }());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
