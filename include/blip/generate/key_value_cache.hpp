// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/autograd/tape.hpp"
#include "blip/core/buffer.hpp"
#include "blip/core/error.hpp"
#include "blip/layers/cached_keys.hpp"

namespace blip::inline BLIP_ABI {

// Keys and values of the sequences that a decoder continues, of all its layers, in memory taken once. Each sequence has
// a slot of `longest` rows; a row of a step names its parent, and only where one parent has several children is
// anything copied: the first child keeps the slot, the others get free ones.
template <backend B>
class key_value_cache {
 public:
  using scalar = typename B::scalar;

  key_value_cache() = default;
  // For at most `sequences` of at most `longest` rows, of `layers` layers with keys of width `width`.
  key_value_cache(int layers, int width, int sequences, int longest)
      : layers_(layers),
        width_(2 * width),
        slots_(sequences),
        longest_(longest),
        rows_(size_of(layers, width, sequences, longest)) {
    slot_.reserve(as_size(sequences)), length_.reserve(as_size(sequences)), next_slot_.reserve(as_size(sequences));
    next_length_.reserve(as_size(sequences)), used_.reserve(as_size(sequences));
    host_.reserve(as_size(sequences) * as_size(longest + 6));
    device_ = buffer<B, int>(host_.capacity());
  }

  bool holds(int sequences, int longest) const { return sequences <= slots_ && longest <= longest_; }
  int rows() const { return static_cast<int>(slot_.size()); }

  // Begins anew with sequences of these lengths, whose rows the next pass brings.
  void start(std::span<const int> lengths) {
    if (static_cast<int>(lengths.size()) > slots_) fail("sequences", slots_, static_cast<int>(lengths.size()));
    slot_.resize(lengths.size()), length_.assign(lengths.size(), 0);
    for (std::size_t s = 0; s < lengths.size(); ++s) slot_[s] = static_cast<int>(s);
    arrange(lengths);
  }

  // Row r goes on where row parents[r] was, by one position, which the next pass brings. What nobody names is dropped.
  void advance(std::span<const int> parents) {
    if (static_cast<int>(parents.size()) > slots_) fail("sequences", slots_, static_cast<int>(parents.size()));
    used_.assign(as_size(slots_), 0);
    next_slot_.resize(parents.size()), next_length_.resize(parents.size());
    for (std::size_t r = 0; r < parents.size(); ++r) {
      const int p = parents[r];
      if (p < 0 || p >= rows())
        throw shape_error(
            {"key_value_cache: parent of a row", "0 to " + std::to_string(rows() - 1), std::to_string(p), {}});
      char& used = used_[as_size(slot_[as_size(p)])];
      next_slot_[r] = used ? -1 : slot_[as_size(p)];
      used = 1;
      next_length_[r] = length_[as_size(p)];
    }
    int free = 0;
    for (std::size_t r = 0; r < parents.size(); ++r) {
      if (next_slot_[r] >= 0) continue;
      while (used_[as_size(free)]) ++free;
      copy(slot_[as_size(parents[r])], free, next_length_[r]);
      next_slot_[r] = free++;
    }
    std::swap(slot_, next_slot_), std::swap(length_, next_length_);
    arrange({});
  }

  // The layout of the rows that the next pass brings, and what each layer's attention reads and writes.
  const sequence_layout& queries() const { return queries_; }
  // The last of these rows of each sequence.
  const int* ends() const { return ends_; }
  template <class T, int W>
  cached_keys<T, W> layer(T& t, int i) {
    require_equal("key_value_cache", "width of keys and values", width_, 2 * W);
    scalar* const first = rows_.data() + as_size(i) * as_size(slots_) * as_size(longest_) * as_size(width_);
    return {t.template input<2 * W>({first, slots_ * longest_, width_, width_, nullptr}), places_, keys_};
  }

 private:
  static std::size_t as_size(int n) { return static_cast<std::size_t>(n); }
  static std::size_t size_of(int layers, int width, int sequences, int longest) {
    return as_size(layers) * as_size(sequences) * as_size(longest) * as_size(2 * width);
  }
  [[noreturn]] static void fail(const char* what, int most, int found) {
    throw shape_error(
        {std::string("key_value_cache: ") + what, "at most " + std::to_string(most), std::to_string(found), {}});
  }

  void copy(int from, int to, int length) {
    const std::size_t slot = as_size(longest_) * as_size(width_);
    if constexpr (requires { &memory<B>::copy_rows; }) {  // of all layers in one call
      scalar* const first = rows_.data();
      return memory<B>::copy_rows(first + as_size(to) * slot, first + as_size(from) * slot, layers_,
                                  as_size(length) * as_size(width_) * sizeof(scalar),
                                  as_size(slots_) * slot * sizeof(scalar));
    }
    for (int i = 0; i < layers_; ++i) {
      scalar* const layer = rows_.data() + as_size(i) * as_size(slots_) * slot;
      memory<B>::copy(layer + as_size(to) * slot, layer + as_size(from) * slot,
                      as_size(length) * as_size(width_) * sizeof(scalar));
    }
  }

  // Makes room for `news` rows more of each sequence (none given: for one) and says where everything is. The arrays go
  // to the back end in one piece.
  void arrange(std::span<const int> news) {
    const auto added = [&](std::size_t s) { return news.empty() ? 1 : news[s]; };
    int total = 0, most = 0;
    for (std::size_t s = 0; s < slot_.size(); ++s) {
      if (length_[s] + added(s) > longest_) fail("rows of a sequence", longest_, length_[s] + added(s));
      total += added(s), most = std::max(most, added(s));
    }
    host_.resize(6 * slot_.size() + as_size(total));
    int* next = host_.data();
    const auto there = [&] { return device_.data() + (next - host_.data()); };
    const auto part = [&](auto value) {
      const int* const first = there();
      for (std::size_t s = 0; s < slot_.size(); ++s) *next++ = value(s);
      return first;
    };
    int row = 0;
    const int* const begins = part([&](std::size_t s) { return std::exchange(row, row + added(s)); });
    const int* const lengths = part([&](std::size_t s) { return added(s); });
    const int* const positions = part([&](std::size_t s) { return length_[s]; });
    const int* const key_begins = part([&](std::size_t s) { return slot_[s] * longest_; });
    const int* const key_lengths = part([&](std::size_t s) { return length_[s] += added(s); });
    row = 0;
    ends_ = part([&](std::size_t s) { return (row += added(s)) - 1; });
    places_ = there();
    for (std::size_t s = 0; s < slot_.size(); ++s)
      for (int i = added(s); i > 0; --i) *next++ = slot_[s] * longest_ + length_[s] - i;
    device_.write(host_);
    queries_ = {.sequences = rows(),
                .rows = total,
                .longest = most,
                .begins = begins,
                .lengths = lengths,
                .positions = positions};
    // `longest` is the slots' length, not that of the moment: scratch memory stays the same from step to step.
    keys_ = {.sequences = rows(),
             .rows = slots_ * longest_,
             .longest = longest_,
             .begins = key_begins,
             .lengths = key_lengths,
             .gaps = true};
  }

  int layers_ = 0, width_ = 0, slots_ = 0, longest_ = 0;
  buffer<B, scalar> rows_;
  std::vector<int> slot_, length_, next_slot_, next_length_;
  std::vector<char> used_;
  std::vector<int> host_;
  buffer<B, int> device_;
  sequence_layout queries_, keys_;
  const int *ends_ = nullptr, *places_ = nullptr;
};

}  // namespace blip::inline BLIP_ABI
