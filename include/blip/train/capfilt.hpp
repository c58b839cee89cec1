// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/prefetch.hpp"
#include "blip/train/capfilt_batch.hpp"
#include "blip/train/capfilt_options.hpp"
#include "blip/train/capfilt_output.hpp"
#include "blip/train/capfilt_report.hpp"
#include "blip/train/picture_captioner.hpp"
#include "blip/train/picture_matcher.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Sample i as the output will name and spell it. Throws limit_error for what could not be read back.
inline captioned_picture sample_of(const any_pairs& source, const capfilt_options& o, std::uint64_t i) {
  captioned_picture s = source.sample(i);
  if (o.name) s.id = o.name(i);
  s.id = as_utf8(s.id), s.caption = as_utf8(s.caption);
  const std::string where = "capfilt: sample " + std::to_string(i);
  require_within(where, "bytes of the caption", s.caption.size(), o.bounds.caption_bytes);
  require_within(where, "bytes of the picture's name", s.id.size(), o.bounds.caption_bytes);
  if (s.id.empty()) throw format_error({where, "the name of a picture", "nothing", {}});
  return s;
}

inline capfilt_report run_capfilt(const any_pairs& source, caption_call caption, match_call match,
                                  const capfilt_options& o, const std::string& path) {
  const std::uint64_t total = source.size();
  capfilt_output output(path, facts_of(o, total), {.total = total}, o.earlier, o.bounds);
  capfilt_report& report = output.report();
  if (o.progress) o.progress(report);
  if (output.finished()) return report;
  prefetch<captioned_picture> samples(
      [&](std::uint64_t i) { return i < total ? sample_of(source, o, i) : captioned_picture(); }, report.samples,
      o.decode);
  for (int batches = 1; !report.finished(); ++batches) {
    if (o.stop && o.stop()) {
      output.save();
      return report;
    }
    capfilt_batch batch(o, report);
    for (int n = 0; n < o.batch && !report.finished(); ++n) batch.take(samples);
    output.append(batch.judge(caption, match));
    if (batches % o.save_every == 0 && !report.finished()) output.save();
    if (o.progress) o.progress(report);
  }
  output.finish();
  return report;
}

}  // namespace detail

// CapFilt: for each picture a captioner writes a text; a matcher judges this one and the one that came with the
// picture, each for itself; what it gives at least `threshold` becomes a line of the output (see filtered_record), the
// picture's own text first. Samples come in order, once. Memory holds options.decode.ahead + options.batch pictures,
// whatever the number of samples; workers decode while the models work. A sample that throws blip::error is counted by
// its cause.
//
// A run that is killed at any instant and goes on, in batches of any size and on any number of threads, ends with the
// bytes and the report of one that was not, where the models do what their concepts say; capfilt_output has the files.
//
// Throws config_error, io_error, format_error (a damaged output, too many broken samples), numeric_error for a
// probability that is none, shape_error and limit_error for what the models give, and whatever models and callbacks
// throw. What was saved before stays.
//
// Source: J. Li et al., "BLIP" (2022), section 3.3: one caption by nucleus sampling of 0.9; texts are dropped that the
// ITM head calls unmatched, a probability below 0.5.
template <class Captioner, class Matcher>
capfilt_report capfilt(const any_pairs& source, Captioner&& captioner, Matcher&& matcher,
                       const capfilt_options& options, const std::string& output) {
  static_assert(picture_captioner<std::remove_reference_t<Captioner>>,
                "blip::capfilt: the captioner has no caption(pictures, streams) that gives a vector of strings");
  static_assert(picture_matcher<std::remove_reference_t<Matcher>>,
                "blip::capfilt: the matcher has no match(pictures, texts) that gives a vector of double");
  detail::check_capfilt(options);
  if (std::same_as<std::remove_cvref_t<Captioner>, no_captioner> && has(options.texts, text_source::synthetic))
    throw config_error({"capfilt: synthetic texts", "a captioner", "none", "or texts of the web alone"});
  if (std::same_as<std::remove_cvref_t<Matcher>, no_matcher> && options.filter)
    throw config_error({"capfilt: filter", "a matcher", "none", "or the filter off"});
  const auto caption = [&](std::span<const image> pictures, std::span<const std::uint64_t> streams) {
    return captioner.caption(pictures, streams);
  };
  const auto match = [&](std::span<const image> pictures, std::span<const std::string> texts, std::span<const int> of) {
    if constexpr (indexed_matcher<std::remove_reference_t<Matcher>>) {
      return matcher.match(pictures, texts, of);
    } else {
      // A picture for each text; no more at once than there are pictures.
      std::vector<double> all;
      for (std::size_t at = 0; at < texts.size(); at += pictures.size()) {
        const std::size_t n = std::min(pictures.size(), texts.size() - at);
        std::vector<image> repeated;
        for (const int p : of.subspan(at, n)) repeated.push_back(pictures[static_cast<std::size_t>(p)]);
        const std::vector<double> some = matcher.match(repeated, texts.subspan(at, n));
        require_equal("capfilt", "probabilities", static_cast<long long>(some.size()), static_cast<long long>(n));
        all.insert(all.end(), some.begin(), some.end());
      }
      return all;
    }
  };
  return detail::run_capfilt(source, caption, match, options, output);
}

}  // namespace blip::inline BLIP_ABI
