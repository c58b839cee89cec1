// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/function_ref.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/prefetch.hpp"
#include "blip/data/skipped_samples.hpp"
#include "blip/train/capfilt_options.hpp"
#include "blip/train/capfilt_report.hpp"
#include "blip/train/run_log.hpp"

namespace blip::inline BLIP_ABI::detail {

using caption_call = function_ref<std::vector<std::string>(std::span<const image>, std::span<const std::uint64_t>)>;
using match_call =
    function_ref<std::vector<double>(std::span<const image>, std::span<const std::string>, std::span<const int>)>;

inline std::string_view trimmed(std::string_view text) {
  constexpr const char* white = " \t\r\n\v\f";
  const std::size_t begin = std::min(text.find_first_not_of(white), text.size());
  return text.substr(begin, text.find_last_not_of(white) + 1 - begin);
}

// The texts of one batch of pictures and what is made of them.
class capfilt_batch {
 public:
  capfilt_batch(const capfilt_options& o, capfilt_report& report) : options_(o), report_(report) {}

  std::size_t pictures() const { return pictures_.size(); }

  // Takes the next sample; one that is broken is counted. Throws format_error when too many are.
  void take(prefetch<captioned_picture>& samples) {
    const std::uint64_t i = report_.samples++;
    try {
      captioned_picture s = samples.next();
      pictures_.push_back(std::move(s.picture));
      names_.push_back(std::move(s.id)), found_.push_back(std::move(s.caption)), places_.push_back(i);
    } catch (const error& e) {
      skip(e);
    }
  }

  // The lines for the output, in the order of the samples.
  std::string judge(caption_call caption, match_call match) {
    if (pictures_.empty()) return {};
    gather(has(options_.texts, text_source::synthetic) ? make(caption) : std::vector<std::vector<std::string>>());
    std::vector<double> probabilities;
    if (options_.filter && !texts_.empty()) probabilities = ask(match);
    std::string lines;
    for (std::size_t t = 0; t < texts_.size(); ++t) {
      const auto p = static_cast<std::size_t>(of_[t]);
      const origin& from = origins_[t];
      capfilt_example e{places_[p], from.number, names_[p], std::move(texts_[t])};
      if (options_.filter) e.itm_probability = static_cast<float>(probabilities[t]);
      const bool kept = !options_.filter || *e.itm_probability >= options_.threshold;
      count_judged(report_, from.source, e, kept, options_.examples, options_.seed);
      if (!kept || !has(options_.keep, from.source)) continue;
      ++report_.lines;
      lines += "{\"image\":", append_json_string(lines, e.image);
      lines += ",\"caption\":", append_json_string(lines, e.caption);
      lines += ",\"source\":\"", lines += text_source_names[static_cast<std::size_t>(from.source)];
      lines += "\",\"itm_probability\":", append_probability(lines, e.itm_probability), lines += "}\n";
    }
    return lines;
  }

 private:
  struct origin {
    text_source source;
    std::uint32_t number;
  };

  void skip(const error& e) {
    skipped_samples one(1);  // knows how a cause is called
    one.skip(e);
    std::string cause = as_utf8(one.causes().begin()->first.substr(0, 300));
    if (report_.skipped.size() >= 64 && report_.skipped.count(cause) == 0) cause = "others";
    ++report_.skipped[cause];
    const std::uint64_t skipped = report_.all_skipped();
    if (static_cast<double>(skipped) <=
        options_.most_skipped * static_cast<double>(std::max<std::uint64_t>(report_.samples, 200)))
      return;
    std::string percent;
    append_json_number(percent, options_.most_skipped * 100);
    throw format_error({"capfilt: samples that cannot be used", "at most " + percent + " % of them",
                        std::to_string(skipped) + " of " + std::to_string(report_.samples),
                        "the last one: " + e.where()});
  }

  // Captions by number and picture.
  std::vector<std::vector<std::string>> make(caption_call caption) const {
    const auto captions = static_cast<std::uint64_t>(options_.captions);
    std::vector<std::vector<std::string>> made;
    for (std::uint64_t number = 0; number < captions; ++number) {
      std::vector<std::uint64_t> streams;
      for (const std::uint64_t i : places_) streams.push_back(i * captions + number);
      made.push_back(caption(pictures_, streams));
      require_equal("capfilt", "captions made", static_cast<long long>(made.back().size()),
                    static_cast<long long>(pictures_.size()));
      for (std::string& text : made.back()) {
        text = as_utf8(text);
        require_within("capfilt", "bytes of a caption made", text.size(), options_.bounds.caption_bytes);
      }
    }
    return made;
  }

  void gather(const std::vector<std::vector<std::string>>& made) {
    for (std::size_t p = 0; p < pictures_.size(); ++p) {
      std::vector<std::string_view> said;
      const auto add = [&](const std::string& text, text_source source, std::uint32_t number) {
        capfilt_texts& counts = report_.of(source);
        ++counts.seen;
        const std::string_view words = trimmed(text);
        const bool again = source == text_source::synthetic && std::find(said.begin(), said.end(), words) != said.end();
        if (words.empty() || again) return void(++(words.empty() ? counts.empty : counts.duplicate));
        said.push_back(words);
        texts_.push_back(text), of_.push_back(static_cast<int>(p)), origins_.push_back({source, number});
      };
      if (has(options_.texts, text_source::web)) add(found_[p], text_source::web, 0);
      for (std::size_t n = 0; n < made.size(); ++n)
        add(made[n][p], text_source::synthetic, static_cast<std::uint32_t>(n));
    }
  }

  std::vector<double> ask(match_call match) const {
    std::vector<double> probabilities = match(pictures_, texts_, of_);
    require_equal("capfilt", "probabilities", static_cast<long long>(probabilities.size()),
                  static_cast<long long>(texts_.size()));
    for (std::size_t t = 0; t < texts_.size(); ++t)
      if (!(probabilities[t] >= 0 && probabilities[t] <= 1)) {
        std::string found;
        append_json_number(found, probabilities[t]);
        throw numeric_error({"capfilt: the probability of a text of sample " +
                                 std::to_string(places_[static_cast<std::size_t>(of_[t])]),
                             "0 to 1",
                             std::isfinite(probabilities[t]) ? found : "a value that is not finite",
                             {}});
      }
    return probabilities;
  }

  const capfilt_options& options_;
  capfilt_report& report_;
  std::vector<image> pictures_;
  std::vector<std::string> names_, found_;  // of the pictures; their own texts
  std::vector<std::uint64_t> places_;       // their samples
  std::vector<std::string> texts_;          // what is to be judged
  std::vector<int> of_;                     // the picture of each
  std::vector<origin> origins_;
};

}  // namespace blip::inline BLIP_ABI::detail
