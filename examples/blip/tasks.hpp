// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/config/towers.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/matcher.hpp"
#include "compute.hpp"
#include "opened_model.hpp"

// What subcommands ask of a model, whatever its size and back end. A call is a whole pass, so virtual costs nothing.
namespace tool {

class caption_task {
 public:
  virtual ~caption_task() = default;
  // Texts of each picture, best first; `streams` number the pictures for the samples' random numbers.
  virtual std::vector<std::vector<blip::caption_result>> caption(std::span<const blip::image> pictures,
                                                                 std::span<const std::uint64_t> streams) = 0;
};

class match_task {
 public:
  virtual ~match_task() = default;
  virtual std::vector<double> probabilities(std::span<const blip::image> pictures, std::span<const std::string> texts,
                                            std::span<const blip::pair_of> pairs) = 0;
  virtual blip::feature_rows image_features(std::span<const blip::image> pictures) = 0;
  virtual blip::feature_rows text_features(std::span<const std::string> texts) = 0;
};

// A model of one size that was compiled, under the name of its preset.
template <class Task, class Options>
struct compiled_model {
  std::string_view preset;
  blip::tower_preset sizes;
  std::unique_ptr<Task> (*open)(const opened_model&, const Options&, const compute&);
};

// Finds a size among those compiled and opens the model. Throws config_error for a size that was not compiled, and what
// reading the weights throws.
std::unique_ptr<caption_task> open_captioner(const opened_model& model, const blip::captioner_options& o,
                                             const compute& on);
std::unique_ptr<match_task> open_matcher(const opened_model& model, const blip::matcher_options& o, const compute& on);

// One source each: blip_base_captioner.cpp and so on.
extern const compiled_model<caption_task, blip::captioner_options> scenes_captioner, blip_base_captioner;
extern const compiled_model<match_task, blip::matcher_options> scenes_matcher, blip_base_matcher;

}  // namespace tool
