// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "blip/image/evaluation_view.hpp"
#include "blip/tasks/sampler.hpp"
#include "blip/train/capfilt_options.hpp"
#include "blip/train/progress.hpp"
#include "blip/train/run_record.hpp"

namespace blip::inline BLIP_ABI {

// The stages of the main job, in their order; `report` measures and writes it.
inline constexpr std::array<std::string_view, 6> bootstrap_stage_names{"pretrain", "filter",         "captioner",
                                                                       "capfilt",  "pretrain-again", "report"};

// The main job: how long each stage trains and how. As it stands, the recipe for the small generated world.
struct bootstrap_options {
  std::int64_t pretrain = 4000, filter = 1500, captioner = 2600;  // steps; the second pre-training has as many as the first
  int batch = 32;
  double rate = 2e-3, fine_rate = 1e-3;  // peaks; each stage warms up for 5 % of its steps and falls to 5 % by a cosine
  double human_first = 0.3;              // share of pre-training that sees human captions only, before the web's join
  double weight_decay = 0.05, clip = 1, beta2 = 0.98;
  text_set texts = text_set::both;       // those of the web, synthetic ones, or both: what the filter chooses from
  float threshold = 0.5f;                // of the filter; 0: every text passes
  sampler captions_by = sampler::sample;  // how synthetic captions are made
  double top_p = 0.9;                    // of samples
  int longest = 30;                      // tokens of a text
  int measured = 1000;                   // pictures that retrieval and captions are measured on; web pairs twice as many
  int shortlist = 16;                    // of each query of retrieval, read by the matching head; 0: none is
  std::uint64_t seed = 0;
  evaluation_view_options view{};        // how every stage looks at pictures
  run_facts facts{};                     // further ones that must be as they were when a run goes on

  std::vector<std::string> stages{};     // those to run, others must be over; none: all

  std::int64_t checkpoint_every = 500, log_every = 25;  // steps
  std::function<bool()> stop{};                     // asked before every step and batch
  std::function<void(std::string_view)> notice{};   // what is being done now, one line at a time
  blip::progress::sink progress_to{};
  progress_options progress_as{};
};

}  // namespace blip::inline BLIP_ABI
