// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/sample_order.hpp"
#include "blip/data/skipped_samples.hpp"
#include "blip/data/weighted_turns.hpp"

namespace blip::inline BLIP_ABI {

struct weighted_pairs {
  any_pairs source;
  double weight = 1;  // share of the stream, not of the source; for one's natural share give its size
};

struct stream_options {
  std::uint64_t seed = 0;
  bool shuffled = true;
  std::shared_ptr<skipped_samples> skipped = std::make_shared<skipped_samples>();
};

// Sources mixed by weight into an endless stream: position p has one pair, a pure function of (seed, p), so that p is all
// that a checkpoint must hold and that ranks and threads may each ask for their own. Each source is shuffled anew in each
// of its epochs. The places of a source with blocks (twins) come in whole blocks, so positions that a batch begins at
// should be multiples of block().
// A sample that throws blip::error is counted and replaced by the next one of its source that works, within 16; where none
// does, and where too many were skipped, at() throws.
class pair_stream {
 public:
  struct place {
    std::size_t source;
    std::uint64_t epoch, index;

    friend bool operator==(const place&, const place&) = default;
  };

  explicit pair_stream(std::vector<weighted_pairs> sources, stream_options o = {})
      : sources_(std::move(sources)), o_(std::move(o)), turns_(weights(sources_)) {
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      const std::uint64_t block = std::max<std::uint64_t>(sources_[k].source.block(), 1);
      block_ = std::lcm(block_, block);
      // A seed of its own for each source, or equally long ones would be read in step.
      orders_.emplace_back(sources_[k].source.size(), o_.seed + 0x9e3779b97f4a7c15u * k, block);
    }
  }

  std::uint64_t block() const { return block_; }
  const std::shared_ptr<skipped_samples>& skipped() const { return o_.skipped; }

  // Which sample stands at a position.
  place find(std::uint64_t position) const {
    const weighted_turns::turn t = turns_.at(position / block_);
    const sample_order& order = orders_[t.source];
    const std::uint64_t n = t.number * block_ + position % block_;
    const std::uint64_t epoch = n / order.size(), in_epoch = n % order.size();
    return {t.source, epoch, o_.shuffled ? order.index(epoch, in_epoch) : in_epoch};
  }

  captioned_picture at(std::uint64_t position) const {
    const place p = find(position);
    const any_pairs& source = sources_[p.source].source;
    for (std::uint64_t attempt = 0;; ++attempt) {
      try {
        captioned_picture sample = source.sample((p.index + attempt) % source.size(), p.epoch);
        o_.skipped->use();
        return sample;
      } catch (const error& e) {
        o_.skipped->skip(e);
        if (attempt == 16) throw;
      }
    }
  }

 private:
  static std::vector<double> weights(const std::vector<weighted_pairs>& sources) {
    std::vector<double> w;
    for (const weighted_pairs& s : sources) w.push_back(s.weight);
    return w;
  }

  std::vector<weighted_pairs> sources_;
  stream_options o_;
  weighted_turns turns_;
  std::vector<sample_order> orders_;
  std::uint64_t block_ = 1;
};

}  // namespace blip::inline BLIP_ABI
