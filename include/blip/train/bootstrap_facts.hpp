// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/train/bootstrap_data.hpp"
#include "blip/train/bootstrap_options.hpp"
#include "blip/train/run_record.hpp"

namespace blip::inline BLIP_ABI::detail {

// What decides about the weights of the main job, as far as it can be seen from here; not what is measured of them.
inline run_facts bootstrap_facts(const bootstrap_options& o, const bootstrap_data& data) {
  run_facts facts = o.facts;
  const auto add = [&](const char* name, double value) { append_json_number(facts[name], value); };
  const auto count = [&](const char* name, auto value) { facts[name] = std::to_string(value); };
  count("number of pre-training steps", o.pretrain), count("number of the filter's steps", o.filter);
  count("number of the captioner's steps", o.captioner), count("batch", o.batch),
      count("length of the longest text", o.longest);
  count("seed", o.seed), count("height", o.view.height), count("width", o.view.width);
  add("rate", o.rate), add("fine_rate", o.fine_rate), add("human_first", o.human_first);
  add("weight_decay", o.weight_decay), add("clip", o.clip), add("beta2", o.beta2);
  add("threshold", static_cast<double>(o.threshold)), add("top_p", o.top_p);
  facts["choice of texts"] = text_set_names[static_cast<std::size_t>(o.texts)];
  facts["sampler"] = sampler_names[static_cast<std::size_t>(o.captions_by)];
  count("number of human captions", data.human.size()), count("number of web captions", data.web.size());
  return facts;
}

// Stages that are over are not made again, so a run that goes on must have the facts it began with: FOLDER/options.json.
// Throws config_error, naming the first that differs; format_error, io_error.
inline void require_facts_of_run(const std::string& folder, const run_facts& now) {
  const std::string path = folder + "/options.json";
  if (std::filesystem::exists(path)) {
    const auto text = read_file<std::string>(path, limits{}.json_bytes);
    return require_same_facts(folder, parse_run_record(path, text).facts, now);
  }
  write_file(path, to_text(run_record{.facts = now}));
}

}  // namespace blip::inline BLIP_ABI::detail
