// SPDX-License-Identifier: Apache-2.0
//
// How long a model of BLIP-base's size (0.9 GB) takes from a file in the page cache to an arena, checksums included,
// against read() of the same file into new memory; both take turns. `ratio` is that of the medians, `ratio_touched`
// the one against memory that was written before, which no loader of a new model has.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "blip/backend/cpu/pack.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/io/save_weights.hpp"
#include "blip/io/zip_checksum.hpp"
#include "io/torch_writer.hpp"
#include "support/bench.hpp"

namespace {

using namespace blip;

struct towers {
  vit<blip_captioner_base.structure.vision, cpu> vision{blip_captioner_base.options.vision};
  text_transformer<blip_captioner_base.structure.decoder, cpu> text{blip_captioner_base.options.decoder};

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("visual_encoder", self.vision), f("text_decoder.bert", self.text);
  }
};

// The model, and its files in a folder that goes with the program.
struct files {
  towers model;
  std::shared_ptr<arena_layout> layout = std::make_shared<arena_layout>();
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("blip_loading_" + std::to_string(::getpid()));

  files() {
    layout->place("", model);
    std::filesystem::create_directories(folder);
    arena<cpu> values(layout);
    for (std::int64_t i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(i % 1021) * 1e-3f;
    save_weights(path("safetensors"), values, {.shard_bytes = std::uint64_t{1} << 40});
    write_torch(path("pth"), values);
  }
  files(const files&) = delete;
  files& operator=(const files&) = delete;
  ~files() { std::filesystem::remove_all(folder); }

  std::string path(const std::string& ending) const { return (folder / ("model." + ending)).string(); }
};

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
double median(std::vector<double> of) {
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
  return of[of.size() / 2];
}

void measure(benchmark::State& state, const std::string& ending, bool packed) {
  static const files made;
  const std::string path = made.path(ending);
  device<cpu> dev;
  std::vector<double> reads, copies, loads;
  std::vector<std::byte> touched(static_cast<std::size_t>(std::filesystem::file_size(path)));
  for (auto _ : state) {
    reads.push_back(seconds([&] {
      const input_file file(path);
      const std::unique_ptr<std::byte[]> all(new std::byte[touched.size()]);
      file.read(0, {all.get(), touched.size()});
    }));
    copies.push_back(seconds([&] { input_file(path).read(0, touched); }));
    arena<cpu> values = arena<cpu>::unset(made.layout, made.layout->size());
    loads.push_back(seconds([&] {
      load_weights(path, values);
      if (packed) values = pack(dev, std::move(values));
    }));
    state.SetIterationTime(loads.back());
  }
  state.counters["bytes"] = static_cast<double>(std::filesystem::file_size(path));
  state.counters["read"] = median(reads), state.counters["load"] = median(loads);
  state.counters["ratio"] = median(loads) / median(reads);
  state.counters["ratio_touched"] = median(loads) / median(copies);
}

const bool registered = [] {
  for (const char* ending : {"safetensors", "pth"})
    for (const bool packed : {false, true})
      benchmark::RegisterBenchmark((std::string("BM_load/") + ending + (packed ? "/packed" : "")).c_str(),
                                   [=](benchmark::State& state) { measure(state, ending, packed); })
          ->Iterations(7)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
