// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/nearest_word.hpp"
#include "blip/train/bootstrap_options.hpp"

namespace blip::inline BLIP_ABI::detail {

// What a stage of the main job in FOLDER leaves when it is over.
inline std::string made_by_stage(const std::string& folder, std::string_view stage) {
  if (stage == "capfilt") return folder + "/bootstrapped.jsonl";
  if (stage == "report") return folder + "/report.html";
  return folder + "/" + std::string(stage) + "/weights.safetensors";
}

// Which stages of the main job are to be run.
class bootstrap_plan {
 public:
  // Those of these names, in the job's order; of none, all. Throws config_error for a name that there is not, and for a
  // stage that needs what another leaves when that is not there yet and the other is not named either.
  bootstrap_plan(const std::vector<std::string>& names, const std::string& folder) {
    for (const std::string& name : names) runs_[place_of_word("bootstrap: a stage", name, bootstrap_stage_names)] = true;
    if (names.empty()) runs_.fill(true);
    static constexpr std::pair<std::string_view, std::string_view> needs[] = {
        {"filter", "pretrain"},        {"captioner", "pretrain"}, {"capfilt", "filter"}, {"capfilt", "captioner"},
        {"pretrain-again", "capfilt"}, {"report", "capfilt"},     {"report", "filter"},  {"report", "captioner"},
        {"report", "pretrain"},        {"report", "pretrain-again"}};
    std::error_code none;
    for (const auto& [stage, of] : needs) {
      const std::string made = made_by_stage(folder, of);
      if (runs(stage) && !runs(of) && !std::filesystem::exists(made, none))
        throw config_error({"bootstrap: the stage " + std::string(stage), made, "no such file",
                            "the stage " + std::string(of) + " makes it: name that one, too"});
    }
    const std::size_t last = static_cast<std::size_t>(runs_.rend() - std::find(runs_.rbegin(), runs_.rend(), true)) - 1;
    result_ = made_by_stage(folder, bootstrap_stage_names[last]);
  }

  bool runs(std::string_view stage) const {
    const auto at = std::find(bootstrap_stage_names.begin(), bootstrap_stage_names.end(), stage);
    return runs_.at(static_cast<std::size_t>(at - bootstrap_stage_names.begin()));
  }
  // What the last of them leaves.
  const std::string& result() const { return result_; }

 private:
  std::array<bool, bootstrap_stage_names.size()> runs_{};
  std::string result_;
};

}  // namespace blip::inline BLIP_ABI::detail
