// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/data/filtered_pairs.hpp"
#include "blip/data/prefetch.hpp"
#include "blip/train/capfilt_report.hpp"
#include "blip/train/run_record.hpp"

namespace blip::inline BLIP_ABI {

// A set of text_source.
enum class text_set : std::uint8_t { none, web, synthetic, both };
inline constexpr std::array<std::string_view, 4> text_set_names{"none", "web", "synthetic", "both"};
constexpr bool has(text_set set, text_source s) {
  return (static_cast<unsigned>(set) >> static_cast<unsigned>(s) & 1u) != 0;
}

// What to do about an output that is there already, finished or not.
enum class earlier_output {
  is_refused,           // config_error
  is_resumed,           // goes on, if there is one; format_error if it is damaged
  is_resumed_if_sound,  // goes on; begins anew if it is damaged
  is_replaced,          // begins anew; a finished one stays until the new one is
};

// As it stands, what the paper did. The rest of its ablation (its table 1): the filter alone is .texts = text_set::web,
// the captioner alone .filter = false, neither is both of these. A look at the numbers without lines: .keep =
// text_set::none.
struct capfilt_options {
  text_set texts = text_set::both;  // which ones take part: the pictures' own, captions made for them
  text_set keep = text_set::both;   // which of those go to the output
  bool filter = true;               // off: every text passes
  float threshold = 0.5f;           // least probability that passes
  int captions = 1;                 // made for each picture
  std::uint64_t seed = 0;           // of the report's random examples; a captioner has one of its own
  run_facts facts{};                // further ones that must be as they were when it goes on: {{"captioner", "..."}}

  int batch = 32;  // pictures in a call of the models
  prefetch_options decode{.threads = 2, .ahead = 64};
  int save_every = 16;  // batches: what a kill may cost
  earlier_output earlier = earlier_output::is_refused;
  double most_skipped = 0.01;  // share of samples that may be broken; of fewer than 200, of 200
  std::size_t examples = 8;    // of each kind in the report
  limits bounds{};             // of captions and names

  std::function<std::string(std::uint64_t i)> name{};     // of the picture of sample i in the output; none: its id
  std::function<bool()> stop{};                           // asked before every batch; see stop_signal
  std::function<void(const capfilt_report&)> progress{};  // after every batch, and before the first
};

namespace detail {

inline void check_capfilt(const capfilt_options& o) {
  const auto require = [](bool holds, const char* what, const char* expected, const std::string& found) {
    if (!holds) throw config_error({std::string("capfilt: ") + what, expected, found, {}});
  };
  require(o.texts != text_set::none, "texts", "web, synthetic or both", "none");
  require(o.threshold >= 0 && o.threshold <= 1, "threshold", "0 to 1", std::to_string(o.threshold));
  require(o.captions >= 1 && o.captions <= 1000, "captions", "1 to 1000", std::to_string(o.captions));
  require(o.batch >= 1, "batch", "1 or more", std::to_string(o.batch));
  require(o.save_every >= 1, "save_every", "1 or more", std::to_string(o.save_every));
  require(o.most_skipped >= 0 && o.most_skipped <= 1, "most_skipped", "0 to 1", std::to_string(o.most_skipped));
  require(o.examples <= 1000, "examples", "at most 1000", std::to_string(o.examples));
}

// What decides about the output. The caller's own facts cannot hide one of these.
inline run_facts facts_of(const capfilt_options& o, std::uint64_t samples) {
  std::string threshold;
  append_probability(threshold, o.threshold);
  run_facts facts{{"captions", std::to_string(o.captions)},
                  {"examples", std::to_string(o.examples)},
                  {"filter", o.filter ? "on" : "off"},
                  {"keep", std::string(text_set_names[static_cast<std::size_t>(o.keep)])},
                  {"samples", std::to_string(samples)},
                  {"seed", std::to_string(o.seed)},
                  {"texts", std::string(text_set_names[static_cast<std::size_t>(o.texts)])},
                  {"threshold", std::move(threshold)}};
  for (const auto& [name, value] : o.facts)
    if (!facts.emplace(as_utf8(name), as_utf8(value)).second)
      throw config_error({"capfilt: facts", "names that capfilt has none of", "\"" + name + "\"", {}});
  return facts;
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
