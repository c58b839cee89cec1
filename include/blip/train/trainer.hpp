// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/communicator.hpp"
#include "blip/train/batch_source.hpp"
#include "blip/train/broadcast_run.hpp"
#include "blip/train/describe_run.hpp"
#include "blip/train/run_checkpoint.hpp"
#include "blip/train/run_folder.hpp"
#include "blip/train/train_step.hpp"
#include "blip/train/trainer_options.hpp"

namespace blip::inline BLIP_ABI {

enum class run_end { finished, stopped };

struct run_result {
  run_end end = run_end::finished;
  std::int64_t step = 0, updates = 0;       // made in all; a checkpoint holds them
  std::int64_t resumed_from = 0;            // step; 0: from nothing
  std::int64_t unusable_checkpoints = 0;    // newer ones that did not verify
  double loss = 0;                          // of the last step made here
};

// Trains a model into a run directory: takes a step's batches, makes the step (see train_step), logs it, saves. A run that
// is killed at any instant and resumed ends with the bits of one that was not, on any number of threads: parameters,
// moments, momentum copy, queues, logged numbers. A step that is not finite changes nothing but its line in the log, and
// its batches are not seen again. Schedule, ramp and random numbers are functions of the updates made.
// With `ranks`, each has a trainer, a state and a source of its own and they make every step together; rank 0 alone
// reads and writes the folder, and what it has read becomes everyone's. The wish of any rank to stop stops all.
template <class Model, file_operations Files = posix_files>
class trainer {
 public:
  using B = typename Model::backend_type;

  // Throws config_error for options out of range. Nothing is on disk before `train`.
  trainer(device<B>& d, training_state<Model>& state, std::string folder, trainer_options o, Files files = {},
          communicator<B>* ranks = nullptr)
      : device_(d),
        state_(state),
        folder_(std::move(folder)),
        options_(std::move(o)),
        files_(std::move(files)),
        optimiser_(state.values().layout(), options_.optimiser),
        policy_(options_.stop_after),
        ranks_(ranks && ranks->ranks() > 1 ? ranks : nullptr) {
    const auto require = [](bool holds, const char* what, std::int64_t is) {
      if (!holds) throw config_error({std::string("trainer: ") + what, "1 or more", std::to_string(is), {}});
    };
    require(options_.steps >= 1, "steps", options_.steps);
    require(options_.checkpoint_every >= 1, "checkpoint_every", options_.checkpoint_every);
    require(options_.log_every >= 1, "log_every", options_.log_every);
    if (options_.steps_per_epoch < 0 || !options_.rate || !options_.alpha)
      throw config_error({"trainer: options", "steps_per_epoch from 0 on, a rate and an alpha", "others", {}});
    if (options_.steps_per_epoch == 0) options_.steps_per_epoch = options_.steps;
  }

  // For decay and rate of single parameters; before `train`.
  adamw<B>& optimiser() { return optimiser_; }

  // For callbacks that evaluate: whether `metric` is the best so far, in the whole run; larger is better.
  bool improves(double metric) {
    const bool best = std::isfinite(metric) && (!at_.best || metric > at_.best->value);
    if (best) at_.best = {metric, at_.step};
    return best;
  }
  const std::optional<best_metric>& best() const { return at_.best; }

  // Runs to the end, or until options.stop says so; both ends save. Throws config_error for a folder that holds a run when
  // it should begin from nothing, for one that was begun with other options, and on several ranks for a source that reads
  // on from where it was; numeric_error, io_error, format_error, shape_error, distributed_error; what source and
  // callbacks throw. What was saved before stays.
  template <class Source>
  run_result train(Source&& source) {
    static_assert(batch_source<std::remove_reference_t<Source>, Model>,
                  "blip::trainer: train takes a batch_source: source(model, step) gives a sized range of Model::batch");
    if (resumable_source<std::remove_reference_t<Source>> && ranks_)
      throw config_error({"trainer: the source of several ranks", "one whose steps are functions of their number",
                          "one with a position, which each rank would have to save", {}});
    std::optional<run_folder<Files>> run;
    if (!ranks_ || ranks_->rank() == 0) run.emplace(folder_, options_.checkpoints, files_);
    run_result result;
    open(run, source, result);
    std::optional<progress> shown;
    if (options_.progress_to)
      shown.emplace(options_.steps, options_.progress_to, options_.progress_as, at_.step);
    while (at_.step < options_.steps) {
      if (should_stop()) {
        result.end = run_end::stopped;
        break;
      }
      result.loss = step(run, source);
      if (shown) shown->update(at_.step, note(result.loss));
      if (at_.step % options_.checkpoint_every == 0 && at_.step < options_.steps) try_to_save(run, source);
    }
    save(run, source);
    if (shown) shown->finish();
    result.step = at_.step, result.updates = at_.updates;
    return result;
  }

 private:
  using folder_of_run = std::optional<run_folder<Files>>;  // none on ranks but 0

  bool should_stop() {
    const char own = options_.stop && options_.stop();
    if (!ranks_) return own;
    const std::vector<char> all = ranks_->of_all(own);
    return std::find(all.begin(), all.end(), char{1}) != all.end();
  }

  template <class Source>
  void open(folder_of_run& run, Source& source, run_result& result) {
    run_facts facts = describe_run(options_, state_, optimiser_);
    facts["ranks"] = std::to_string(ranks_ ? ranks_->ranks() : 1);
    at_ = {}, saved_ = -1;
    if (run) read(*run, source, result, facts);
    if (ranks_) share(result);
    at_.facts = facts;
    if (run) run->open_logs(at_.step, options_.tensorboard);
  }

  template <class Source>
  void read(run_folder<Files>& run, Source& source, run_result& result, const run_facts& facts) {
    if (options_.begin == start::from_nothing && run.holds_run())
      throw config_error({"trainer: " + folder_, "a folder without a run", "one with checkpoints",
                          "resume that run, or choose another folder"});
    const auto found = run.newest([&](const error& e) {
      ++result.unusable_checkpoints;
      tell(e.what());
    });
    if (found) {
      at_ = load_run<B>(*found, run_parts(state_, optimiser_), *state_.values().layout(), facts);
      state_.average_due() = at_.average_due;
      policy_.in_a_row() = at_.skipped_in_a_row;
      if constexpr (resumable_source<Source>) source.restore(at_.data);
      saved_ = result.resumed_from = at_.step;
      tell("going on from step " + std::to_string(at_.step));
    }
  }

  // All ranks stand where rank 0 does.
  void share(run_result& result) {
    struct place {
      std::int64_t step, updates, skipped_in_a_row, resumed_from;
    };
    const place first = ranks_->of_all(place{at_.step, at_.updates, policy_.in_a_row(), result.resumed_from})[0];
    at_.step = first.step, at_.updates = first.updates, result.resumed_from = first.resumed_from;
    policy_.in_a_row() = static_cast<int>(first.skipped_in_a_row);
    broadcast_run(*ranks_, state_, optimiser_);
  }

  // One step, and what follows from it; its loss.
  template <class Source>
  double step(folder_of_run& run, Source& source) {
    const double begun = detail::steady_seconds();
    const train_position where = position_of(at_.updates, options_);
    const double rate = options_.rate(where), alpha = Model::has_momentum ? options_.alpha(where) : 0;
    const auto& batches = source(std::as_const(*state_), at_.step);
    train_report<Model::loss_count> report;
    try {
      report = train_step(device_, state_, optimiser_, batches,
                          {.rate = rate,
                           .alpha = alpha,
                           .clip = options_.clip,
                           .seed = options_.seed,
                           .step = static_cast<std::uint64_t>(at_.updates),
                           .stochastic = options_.stochastic,
                           .momentum_stochastic = options_.momentum_stochastic},
                          policy_, ranks_);
    } catch (const numeric_error&) {
      const named_text why{"skipped", policy_.culprit()};
      if (run && !why.value.empty()) run->log(at_.step + 1, {}, {&why, 1});
      throw;
    }
    std::int64_t pictures = 0;
    for (const auto& b : batches) pictures += b.pictures.count;
    if (ranks_) pictures *= ranks_->ranks();
    const bool counts = report.verdict == verdict::go;
    at_.step += 1, at_.updates += counts;

    step_event event{at_.step, at_.updates, policy_.culprit(), {{"loss", report.loss}}};
    for (std::size_t i = 0; i < report.losses.size(); ++i)
      event.numbers.push_back({Model::loss_names[i], report.losses[i]});
    event.numbers.push_back({"learning_rate", rate});
    if (Model::has_momentum) event.numbers.push_back({"alpha", alpha});
    if (state_.values().layout()->find("temp"))
      event.numbers.push_back({"temperature", static_cast<double>(state_.values().read("temp")[0])});
    event.numbers.push_back({"gradient_norm", report.gradient_norm});
    const double seconds = detail::steady_seconds() - begun;
    event.numbers.push_back(
        {"samples_per_second", static_cast<double>(pictures / Model::pictures_per_text) / seconds});
    event.numbers.push_back({"time", detail::seconds_since_1970()});

    const std::size_t own = event.numbers.size();
    if (options_.after_step) options_.after_step(event);
    const named_text why{"skipped", event.skipped};
    if (run && (!counts || event.numbers.size() > own || at_.step % options_.log_every == 0))
      run->log(at_.step, event.numbers, {&why, counts ? 0u : 1u});
    if (!counts) tell("step " + std::to_string(at_.step) + " was skipped: " + policy_.culprit() + " is not finite");
    return report.loss;
  }

  template <class Source>
  void save(folder_of_run& run, const Source& source) {
    if (!run || saved_ == at_.step) return;
    run->sync_logs();  // or a power cut might keep the checkpoint and lose lines before it
    at_.average_due = state_.average_due();
    at_.skipped_in_a_row = policy_.in_a_row();
    if constexpr (resumable_source<Source>) at_.data = source.position();
    const auto parts = run_parts(state_, optimiser_);
    run->checkpoints().save(at_.step, [&](checkpoint_writer<Files>& w) {
      save_run<B>(w, parts, *state_.values().layout(), at_);
    });
    saved_ = at_.step;
  }
  template <class Source>
  void try_to_save(folder_of_run& run, const Source& source) {
    try {
      save(run, source);
    } catch (const error& e) {
      if (options_.on_failed_save == failed_save::ends_run) throw;
      tell("step " + std::to_string(at_.step) + " could not be saved: " + e.what());
    }
  }

  void tell(const std::string& sentence) const {
    if (options_.notice) options_.notice(sentence + "\n");
  }
  static std::string note(double loss) {
    char digits[32];
    const auto r = std::to_chars(digits, digits + sizeof digits, loss, std::chars_format::general, 4);
    return "loss " + std::string(digits, r.ptr);
  }

  device<B>& device_;
  training_state<Model>& state_;
  std::string folder_;
  trainer_options options_;
  Files files_;
  adamw<B> optimiser_;
  non_finite policy_;
  communicator<B>* ranks_;  // none: one rank
  run_record at_;
  std::int64_t saved_ = -1;
};

}  // namespace blip::inline BLIP_ABI
