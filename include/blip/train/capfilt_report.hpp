// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "blip/core/philox.hpp"
#include "blip/data/filtered_pairs.hpp"

namespace blip::inline BLIP_ABI {

// A text that was judged: `number` counts the captions made for one picture.
struct capfilt_example {
  std::uint64_t sample = 0;
  std::uint32_t number = 0;
  std::string image{}, caption{};
  std::optional<float> itm_probability{};  // none without a filter

  friend bool operator==(const capfilt_example&, const capfilt_example&) = default;
};

// What became of the texts of one source. seen = empty + duplicate + kept + dropped.
struct capfilt_texts {
  std::uint64_t seen = 0;
  std::uint64_t empty = 0;      // no letter in it; not judged
  std::uint64_t duplicate = 0;  // synthetic ones that say what an earlier text of the picture said; not judged
  std::uint64_t kept = 0, dropped = 0;
  std::array<std::uint64_t, 20>
      histogram{};  // of the probabilities: bin i holds i / 20 to below (i + 1) / 20, the last one 1

  // Highest probabilities first; lowest first; and as many that chance picks.
  std::vector<capfilt_example> surest_kept{}, surest_dropped{}, random_kept{}, random_dropped{};

  // The share of judged texts that was dropped: the paper's noise ratio (its table 2).
  double noise_ratio() const {
    const auto judged = static_cast<double>(kept + dropped);
    return judged > 0 ? static_cast<double>(dropped) / judged : 0;
  }

  friend bool operator==(const capfilt_texts&, const capfilt_texts&) = default;
};

// How far a run of CapFilt is and what it found. A function of samples, models and options: neither kills, batches nor
// threads show in it.
struct capfilt_report {
  std::uint64_t total = 0;                         // samples there are
  std::uint64_t samples = 0;                       // looked at so far, broken ones included
  std::uint64_t lines = 0;                         // of the output
  std::map<std::string, std::uint64_t> skipped{};  // broken samples by cause, at most 64 and "others"
  capfilt_texts web{}, synthetic{};

  bool finished() const { return samples == total; }
  const capfilt_texts& of(text_source s) const { return s == text_source::web ? web : synthetic; }
  capfilt_texts& of(text_source s) { return s == text_source::web ? web : synthetic; }
  std::uint64_t all_skipped() const {
    std::uint64_t n = 0;
    for (const auto& [cause, count] : skipped) n += count;
    return n;
  }

  friend bool operator==(const capfilt_report&, const capfilt_report&) = default;
};

namespace detail {

// The shortest decimals that read back as the same float.
inline void append_probability(std::string& out, std::optional<float> p) {
  char digits[32];
  if (p)
    out.append(digits, std::to_chars(digits, digits + sizeof digits, *p).ptr);
  else
    out += "null";
}

// Inserts an example into a list ordered by `key`, then by place, of at most so many.
template <class Key>
void insert_example(std::vector<capfilt_example>& list, const capfilt_example& e, std::size_t most, Key key) {
  const auto place = [&](const capfilt_example& x) { return std::tuple(key(x), x.sample, x.number); };
  const auto at =
      std::upper_bound(list.begin(), list.end(), e, [&](const auto& a, const auto& b) { return place(a) < place(b); });
  if (at == list.end() && list.size() >= most) return;
  list.insert(at, e);
  if (list.size() > most) list.pop_back();
}

// Counts a judged text. Chance is addressed by seed and place: those with the least numbers are picked, so that any
// order of asking picks the same ones.
inline void count_judged(capfilt_report& report, text_source source, const capfilt_example& e, bool kept,
                         std::size_t most, std::uint64_t seed) {
  capfilt_texts& texts = report.of(source);
  ++(kept ? texts.kept : texts.dropped);
  if (e.itm_probability) {
    const auto bins = static_cast<float>(texts.histogram.size());
    ++texts.histogram[std::min(static_cast<std::size_t>(*e.itm_probability * bins), texts.histogram.size() - 1)];
    insert_example(kept ? texts.surest_kept : texts.surest_dropped, e, most, [&](const capfilt_example& x) {
      const float p = x.itm_probability.value_or(0.f);
      return kept ? -p : p;
    });
  }
  const philox_key key{mix(static_cast<std::uint32_t>(seed), 0xcaf1u),
                       mix(static_cast<std::uint32_t>(seed >> 32), 0x17u)};
  insert_example(kept ? texts.random_kept : texts.random_dropped, e, most, [&](const capfilt_example& x) {
    return philox({static_cast<std::uint32_t>(x.sample), static_cast<std::uint32_t>(x.sample >> 32), x.number,
                   static_cast<std::uint32_t>(source)},
                  key)[0];
  });
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
