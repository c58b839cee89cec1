// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "blip/io/describe_weights.hpp"
#include "blip/io/model_config.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

template <class Task, class Options, std::size_t N>
std::unique_ptr<Task> open_in(const std::array<const compiled_model<Task, Options>*, N>& compiled,
                              const opened_model& model, const Options& o, const compute& on) {
  std::array<blip::named_preset, N> names{};
  for (std::size_t i = 0; i < N; ++i) names[i] = {compiled[i]->preset, compiled[i]->sizes};
  const auto nearest = static_cast<std::size_t>(blip::nearest_preset(model.sizes, names) - names.data());
  const std::string where = model.path + ": no model of this size was compiled; compared to the nearest, " +
                            std::string(names[nearest].name);
  blip::require_structure(where, names[nearest].preset.structure, model.sizes.structure);
  return compiled[nearest]->open(model, o, on);
}

}  // namespace

std::unique_ptr<caption_task> open_captioner(const opened_model& model, const blip::captioner_options& o,
                                             const compute& on) {
  return open_in(std::array{&scenes_captioner, &blip_base_captioner}, model, o, on);
}
std::unique_ptr<match_task> open_matcher(const opened_model& model, const blip::matcher_options& o, const compute& on) {
  return open_in(std::array{&scenes_matcher, &blip_base_matcher}, model, o, on);
}

}  // namespace tool
