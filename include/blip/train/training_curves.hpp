// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "blip/core/simdjson.hpp"
#include "blip/data/record_file.hpp"
#include "blip/train/report/bootstrap_findings.hpp"

namespace blip::inline BLIP_ABI {

// The curves of a run's log.jsonl, one for each name, each the mean over about `points` stretches of the run, at the
// last step of each. A line that lacks a name leaves it out; one that lacks a step, or was cut off by a kill, counts
// for nothing. Throws config_error for no points, io_error, limit_error.
inline std::vector<report::series> training_curves(const std::string& log, const std::vector<std::string>& names,
                                                   std::size_t points = 120) {
  if (points == 0) throw config_error({"training_curves: points", "1 or more", "0", {}});
  const record_file lines = record_file::lines(log);
  const std::uint64_t stretch = std::max<std::uint64_t>(1, lines.size() / points);
  std::vector<report::series> curves;
  for (const std::string& name : names) curves.push_back({name, {}});
  std::vector<double> sums(names.size()), counts(names.size());
  simdjson::dom::parser parser;
  double step = 0;
  for (std::uint64_t i = 0; i < lines.size(); ++i) {
    const std::string text = lines.text(i);
    const auto line = parser.parse(text);
    const bool counts_here = line["step"].get(step) == simdjson::SUCCESS;
    const bool ends = (i + 1) % stretch == 0 || i + 1 == lines.size();
    for (std::size_t k = 0; k < names.size(); ++k) {
      double value = 0;
      if (counts_here && line[names[k]].get(value) == simdjson::SUCCESS) sums[k] += value, counts[k] += 1;
      if (!ends) continue;
      if (counts[k] > 0) curves[k].points.push_back({step, sums[k] / counts[k]});
      sums[k] = counts[k] = 0;
    }
  }
  return curves;
}

}  // namespace blip::inline BLIP_ABI
