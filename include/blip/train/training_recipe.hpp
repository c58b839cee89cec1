// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "blip/core/error.hpp"
#include "blip/data/nearest_word.hpp"
#include "blip/optim/adamw.hpp"
#include "blip/optim/alpha_ramp.hpp"
#include "blip/optim/schedules.hpp"
#include "blip/text/cleaning.hpp"

namespace blip::inline BLIP_ABI {

inline constexpr std::array<std::string_view, 8> schedule_names{
    "step_cosine",     "albef_cosine", "albef_tanh",           "albef_step",
    "blip_step_decay", "blip_cosine",  "linear_warmup_cosine", "constant_rate"};
inline constexpr std::array<std::string_view, 3> decay_rule_names{"all", "matrices_only_albef", "lavis"};
inline constexpr std::array<std::string_view, 7> training_task_names{"pretrain", "caption",    "retrieval", "vqa",
                                                                     "nlvr",     "entailment", "grounding"};

// How a model is trained, as one file of options says it: examples/recipes has the published ones. The defaults are the
// recipe for the small generated world. Its members are the file's, by their names (see each_option).
struct training_recipe {
  std::string family = "blip", task = "pretrain", preset = "scenes";
  int image_size = 32;

  int batch = 32;             // pairs of one rank's micro-batch
  int ranks = 1;              // that train together, each with batches of its own: threads of one process
  int accumulate = 1;         // micro-batches of a step
  int epochs = 0;             // of the schedule, and of the run unless `steps` says otherwise; 0: the run is one epoch
  std::int64_t steps = 4000;  // of the run; 0: `epochs` times the samples decide

  std::string schedule = "step_cosine";
  double rate = 2e-3, min_rate = 1e-4, warmup_rate = -1, rate_decay = 0.9;
  std::int64_t warmup_steps = 200;
  int warmup_hundreds = 0;  // of ALBEF's schedules, which call them epochs

  double beta1 = 0.9, beta2 = 0.98, epsilon = 1e-8, weight_decay = 0.05, clip = 1;
  std::string decayed = "matrices_only_albef";

  double momentum = 0.995, alpha = 0.4;
  int alpha_epochs = 1;
  int queue = 0;  // 0 and family blip: no momentum model either, contrast within the batch
  bool clamp_temperature = true;
  bool negatives_of_all_ranks = false;  // hard ones of the matching loss; the contrast has its rank's, as published

  bool augment = false;     // off: pictures as evaluation sees them
  double least_area = 0.2;  // of a random crop; 0: the whole picture
  double magnitude = 5;     // of RandAugment
  std::string cleaning = "blip", prompt{};
  int words = 30, longest = 30;  // of a caption; tokens of a text
  double label_smoothing = 0.1, masked = 0.15;

  int shortlist = 0;            // k_test of evaluation: candidates that the matching head re-ranks
  int checkpointed_blocks = 0;  // of the vision tower
};

// Whether a task has pictures and texts find each other, by ITC and ITM: retrieval, and grounding, where an expression
// finds its picture and the place comes from the attention. Source: ALBEF section 5.5.
inline bool learns_to_match(const training_recipe& r) { return r.task == "retrieval" || r.task == "grounding"; }

// f(name, member) for each option.
template <class R, class F>
void each_option(R& r, F&& f) {
  f("family", r.family), f("task", r.task), f("preset", r.preset), f("image_size", r.image_size);
  f("batch", r.batch), f("ranks", r.ranks), f("accumulate", r.accumulate), f("epochs", r.epochs), f("steps", r.steps);
  f("schedule", r.schedule), f("rate", r.rate), f("min_rate", r.min_rate), f("warmup_rate", r.warmup_rate);
  f("rate_decay", r.rate_decay), f("warmup_steps", r.warmup_steps), f("warmup_hundreds", r.warmup_hundreds);
  f("beta1", r.beta1), f("beta2", r.beta2), f("epsilon", r.epsilon), f("weight_decay", r.weight_decay);
  f("clip", r.clip), f("decayed", r.decayed);
  f("momentum", r.momentum), f("alpha", r.alpha), f("alpha_epochs", r.alpha_epochs), f("queue", r.queue);
  f("clamp_temperature", r.clamp_temperature), f("negatives_of_all_ranks", r.negatives_of_all_ranks);
  f("augment", r.augment), f("least_area", r.least_area), f("magnitude", r.magnitude);
  f("cleaning", r.cleaning), f("prompt", r.prompt), f("words", r.words), f("longest", r.longest);
  f("label_smoothing", r.label_smoothing), f("masked", r.masked);
  f("shortlist", r.shortlist), f("checkpointed_blocks", r.checkpointed_blocks);
}

// The learning rate of a recipe. Throws config_error for a schedule that there is not.
inline std::function<double(const train_position&)> schedule_of(const training_recipe& r) {
  const std::size_t which = place_of_word("recipe: schedule", r.schedule, schedule_names);
  const int epochs = std::max(r.epochs, 1);
  switch (which) {
    case 0:
      return step_cosine{r.rate, r.min_rate, r.warmup_steps, r.steps};
    case 1:
      return albef_cosine{r.rate, r.min_rate, r.warmup_rate, r.warmup_hundreds, epochs};
    case 2:
      return albef_tanh{r.rate, r.min_rate, r.warmup_rate, r.warmup_hundreds, epochs};
    case 3:
      return albef_step{r.rate, r.rate_decay, r.warmup_rate, r.warmup_hundreds};
    case 4:
      return blip_step_decay{r.rate, r.min_rate, r.warmup_rate, r.rate_decay, r.warmup_steps};
    case 5:
      return blip_cosine{r.rate, r.min_rate, epochs};
    case 6:
      return linear_warmup_cosine{r.rate, r.min_rate, r.warmup_rate, r.warmup_steps, epochs};
    default:
      return constant_rate{r.rate, r.warmup_rate, r.warmup_steps};
  }
}

inline adamw_options optimiser_of(const training_recipe& r) {
  return {.beta1 = r.beta1,
          .beta2 = r.beta2,
          .epsilon = r.epsilon,
          .weight_decay = r.weight_decay,
          .decayed = static_cast<decay_rule>(place_of_word("recipe: decayed", r.decayed, decay_rule_names))};
}
inline alpha_ramp alpha_of(const training_recipe& r) { return {.alpha = r.alpha, .epochs = r.alpha_epochs}; }
inline cleaning cleaning_of(const training_recipe& r) {
  static constexpr std::array<std::string_view, 2> names{"albef", "blip"};
  return static_cast<blip::cleaning>(place_of_word("recipe: cleaning", r.cleaning, names));
}

// Throws config_error for the first option that cannot be used.
inline void check_recipe(const training_recipe& r) {
  const auto require = [](bool holds, const char* what, const char* expected, double found) {
    if (!holds) throw config_error({std::string("recipe: ") + what, expected, std::to_string(found), {}});
  };
  static constexpr std::array<std::string_view, 2> families{"albef", "blip"};
  static_cast<void>(place_of_word("recipe: family", r.family, families));
  static_cast<void>(place_of_word("recipe: task", r.task, training_task_names));
  static_cast<void>(schedule_of(r)), static_cast<void>(optimiser_of(r)), static_cast<void>(cleaning_of(r));
  for (const auto& [name, value] : {std::pair("image_size", r.image_size),
                                    {"batch", r.batch},
                                    {"ranks", r.ranks},
                                    {"accumulate", r.accumulate},
                                    {"words", r.words}})
    require(value >= 1, name, "1 or more", value);
  for (const auto& [name, value] : {std::pair("epochs", r.epochs),
                                    {"warmup_hundreds", r.warmup_hundreds},
                                    {"queue", r.queue},
                                    {"shortlist", r.shortlist},
                                    {"checkpointed_blocks", r.checkpointed_blocks},
                                    {"alpha_epochs", r.alpha_epochs}})
    require(value >= 0, name, "0 or more", value);
  require(r.steps >= 0 && (r.steps > 0 || r.epochs > 0), "steps and epochs", "one of them above 0",
          static_cast<double>(r.steps));
  require(r.warmup_steps >= 0, "warmup_steps", "0 or more", static_cast<double>(r.warmup_steps));
  require(r.longest >= 2, "longest", "2 or more", r.longest);
  require(r.rate > 0 && std::isfinite(r.rate), "rate", "a number above 0", r.rate);
  require(r.min_rate >= 0 && r.min_rate <= r.rate, "min_rate", "0 to the rate", r.min_rate);
  require(r.clip >= 0, "clip", "0 or more", r.clip);
  for (const auto& [name, value] : {std::pair("alpha", r.alpha),
                                    {"momentum", r.momentum},
                                    {"label_smoothing", r.label_smoothing},
                                    {"masked", r.masked},
                                    {"rate_decay", r.rate_decay}})
    require(value >= 0 && value <= 1, name, "0 to 1", value);
  require(r.least_area >= 0 && r.least_area <= 1, "least_area", "0 to 1", r.least_area);
  require(r.magnitude >= 0 && r.magnitude <= 10, "magnitude", "0 to 10", r.magnitude);
  // What a task has no use for is refused rather than passed over.
  const bool matches = r.task == "pretrain" || learns_to_match(r), ranks_answers = r.task == "vqa";
  require(matches || !r.negatives_of_all_ranks, "negatives_of_all_ranks", "false: the task has no hard negatives", 1);
  require(r.task == "retrieval" || ranks_answers || r.shortlist == 0, "shortlist",
          "0: the task is not evaluated by one", r.shortlist);
}

}  // namespace blip::inline BLIP_ABI
