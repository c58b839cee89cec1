// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "blip/train/trainer.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_pretraining.hpp"

namespace blip_test {

inline trainer_options tiny_options(std::int64_t steps) {
  return {.steps = steps,
          .steps_per_epoch = 20,
          .rate = blip_step_decay{.rate = 1e-2, .min_rate = 1e-4, .warmup_rate = 1e-3, .decay = 0.5, .warmup_steps = 7},
          .alpha = alpha_ramp{.alpha = 0.4, .epochs = 2},
          .optimiser = {.weight_decay = 0.05},
          .clip = 3,
          .seed = 5,
          .begin = start::resume,
          .facts = {{"batch", "4"}},
          .checkpoint_every = 3,
          .checkpoints = {.keep = 2, .block_bytes = 4096}};
}

// The log with neither speed nor time, which no two runs share.
inline std::vector<std::string> log_lines(const std::string& run) {
  std::vector<std::string> lines;
  const std::string all = get(run + "/log.jsonl");
  for (std::size_t from = 0, end = 0; (end = all.find('\n', from)) != std::string::npos; from = end + 1) {
    std::string line = all.substr(from, end - from);
    if (const auto speed = line.find(",\"samples_per_second\":"); speed != std::string::npos)
      line.erase(speed, line.find_first_of(",}", line.find("\"time\":")) - speed);
    lines.push_back(line);
  }
  return lines;
}

// The files of a checkpoint, as bytes.
inline std::map<std::string, std::string> saved(const std::string& run, std::int64_t step) {
  std::map<std::string, std::string> files;
  for (const auto& e : std::filesystem::directory_iterator(run + "/checkpoints/step-" + std::to_string(step)))
    files[e.path().filename().string()] = get(e.path().string());
  return files;
}

inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& e : std::filesystem::directory_iterator(folder)) names.push_back(e.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// One process's part of a run, from a model that was just made.
template <class Model, class Files = posix_files>
run_result train_tiny(const std::string& folder, const trainer_options& o, int threads = 1, Files files = {}) {
  const auto state = make<Model>();
  device<cpu> dev({.threads = threads});
  trainer<Model, Files> t(dev, *state, folder, o, files);
  return t.train([](const Model& m, std::int64_t step) { return input_of(m, step); });
}

}  // namespace blip_test
