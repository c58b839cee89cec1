// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "compute.hpp"
#include "opened_model.hpp"
#include "sampling.hpp"

namespace tool {

// What evaluation on the records of a task is asked for.
struct records_to_evaluate {
  std::string task;
  model_options model;
  std::string data, answers;  // answers: a JSON list to choose from; empty: they are made
  std::string boxes;          // of a detector: a JSON object; a generated world has its own
  sampling_options sampling;
  int batch = 32;
  std::int64_t most = 0;  // records; 0: all
  int shortlist = 128;    // of `answers`, that the model reads
};

// One JSON object each: task, records, skipped, accuracy in percent. Throws config_error for data of another kind,
// format_error for too many broken records, and what models throw.
std::string evaluate_entailment(const records_to_evaluate& o, const compute& on);
std::string evaluate_grounding(const records_to_evaluate& o, const compute& on);
std::string evaluate_nlvr(const records_to_evaluate& o, const compute& on);
std::string evaluate_vqa(const records_to_evaluate& o, const compute& on);

}  // namespace tool
