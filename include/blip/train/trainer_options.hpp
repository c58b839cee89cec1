// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/optim/adamw.hpp"
#include "blip/optim/alpha_ramp.hpp"
#include "blip/optim/schedules.hpp"
#include "blip/train/checkpoint_store.hpp"
#include "blip/train/named_number.hpp"
#include "blip/train/progress.hpp"
#include "blip/train/run_record.hpp"

namespace blip::inline BLIP_ABI {

// What a callback is told of a step, and the log gets: losses by name, learning_rate, gradient_norm, ...
struct step_event {
  std::int64_t step;                  // of the run, the first one is 1
  std::int64_t updates;               // steps that counted so far, this one included
  std::string_view skipped;           // what was not finite, if this one did not count
  std::vector<named_number> numbers;  // a callback may add its own; their names must outlive it
};

enum class start { from_nothing, resume };
enum class failed_save { ends_run, is_noticed };

struct trainer_options {
  std::int64_t steps = 0;            // of the run in all
  std::int64_t steps_per_epoch = 0;  // for schedule and ramp; 0: the run is one epoch
  std::function<double(const train_position&)> rate = constant_rate{.rate = 1e-4};  // any schedule
  std::function<double(const train_position&)> alpha = alpha_ramp{};
  adamw_options optimiser{};
  double clip = 0;         // most that the gradients' norm may be; 0: no bound
  std::uint64_t seed = 0;  // of dropout and sampling
  bool stochastic = true;  // dropout and drop-path
  bool momentum_stochastic = true;
  int stop_after = 3;  // steps in a row that are not finite

  start begin = start::from_nothing;
  run_facts facts{};  // further ones that must be as they were when a run goes on: {{"batch", "8"}}
  std::int64_t checkpoint_every = 1000, log_every = 1;  // steps
  checkpoint_options checkpoints{};
  failed_save on_failed_save = failed_save::ends_run;  // the run's last one always does, as does a log that fails
  bool tensorboard = true;

  std::function<bool()> stop{};                     // asked before every step; see stop_signal
  std::function<void(step_event&)> after_step{};    // before the step is logged and saved
  std::function<void(std::string_view)> notice{};   // sentences: what was skipped, what could not be saved or read
  blip::progress::sink progress_to{};               // see to_standard_error
  progress_options progress_as{};
};

}  // namespace blip::inline BLIP_ABI
