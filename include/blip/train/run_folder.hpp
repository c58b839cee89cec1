// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "blip/core/function_ref.hpp"
#include "blip/core/unfinished_files.hpp"
#include "blip/train/checkpoint_store.hpp"
#include "blip/train/event_log.hpp"
#include "blip/train/run_log.hpp"

namespace blip::inline BLIP_ABI {

// What a training run leaves: RUN/checkpoints/step-N, RUN/log.jsonl, RUN/events.out.tfevents.* for TensorBoard. The logs
// never tell of a step twice, nor of one that the checkpoint they go on from has not seen.
template <file_operations Files = posix_files>
class run_folder {
 public:
  // Makes what is missing, keeps other processes out, and removes what one that was killed has left half written. Throws
  // io_error.
  run_folder(std::string path, checkpoint_options o, Files files)
      : path_(std::move(path)), checkpoints_(path_ + "/checkpoints", o, std::move(files)) {
    remove_unfinished_files(path_);
  }

  const std::string& path() const { return path_; }
  checkpoint_store<Files>& checkpoints() { return checkpoints_; }

  // The checkpoint to go on from; `skipped` hears what is wrong with newer ones. Throws format_error when there are some
  // but none can be used: a run must not begin anew by itself.
  std::optional<saved_checkpoint<Files>> newest(function_ref<void(const error&)> skipped) const {
    std::optional<saved_checkpoint<Files>> found = checkpoints_.newest(skipped);
    if (!found && holds_run())
      throw format_error({path_ + "/checkpoints: none of the checkpoints can be used", {}, {},
                          "start a run in another folder"});
    return found;
  }
  bool holds_run() const {
    for (const auto& e : std::filesystem::directory_iterator(checkpoints_.folder()))
      if (e.is_directory()) return true;
    return false;
  }

  // Opens the logs after `step`, the last one that counts.
  void open_logs(std::int64_t step, bool tensorboard) {
    log_.emplace(path_ + "/log.jsonl", step);
    if (tensorboard) events_.emplace(path_, step);
  }
  void log(std::int64_t step, std::span<const named_number> numbers, std::span<const named_text> texts = {}) {
    log_->write(step, numbers, texts);
    if (events_ && texts.empty()) events_->write(step, numbers);
  }
  void sync_logs() {
    log_->sync();
    if (events_) events_->sync();
  }

 private:
  std::string path_;
  checkpoint_store<Files> checkpoints_;
  std::optional<run_log> log_;
  std::optional<event_log> events_;
};

}  // namespace blip::inline BLIP_ABI
