// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/arena_layout.hpp"
#include "blip/core/backend.hpp"
#include "blip/core/buffer.hpp"
#include "blip/core/error.hpp"
#include "blip/core/matrix_view.hpp"

namespace blip::inline BLIP_ABI {

// One allocation that holds one role of a model's parameters: values, gradients, a moment, the momentum copy. Values for
// inference may hold the weights of products packed by the back end's engine instead of plain (see blip::pack).
template <backend B>
class arena {
 public:
  using scalar = typename B::scalar;

  arena() = default;
  explicit arena(std::shared_ptr<const arena_layout> layout) : arena(layout, layout->size()) {}
  // One that holds the first `scalars` of the layout only: the momentum copy of the parameters that come first.
  arena(std::shared_ptr<const arena_layout> layout, std::int64_t scalars)
      : layout_(std::move(layout)), data_(buffer<B, scalar>::zeros(static_cast<std::size_t>(scalars))) {}

  // One whose entries hold whatever the memory held: for those who write all of them. What lies between entries is zero.
  static arena unset(std::shared_ptr<const arena_layout> layout, std::int64_t scalars) {
    arena a;
    a.layout_ = std::move(layout);
    a.data_ = buffer<B, scalar>(static_cast<std::size_t>(scalars));
    const auto& entries = a.layout_->entries();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::int64_t end = entries[i].offset + entries[i].size();
      const std::int64_t next = std::min(i + 1 < entries.size() ? entries[i + 1].offset : a.layout_->size(), scalars);
      if (end < next) memory<B>::zero(a.data() + end, static_cast<std::size_t>(next - end) * sizeof(scalar));
    }
    return a;
  }

  arena clone() const {
    arena copy;
    copy.layout_ = layout_;
    copy.data_ = data_.clone();
    return copy;
  }

  // Where an entry of a packed arena begins, in bytes: of the memory of the plain values, or of further memory.
  // `beside`: where in the further memory what is plain lies packed as well; -1: nowhere.
  struct place {
    std::size_t offset;
    bool packed, moved;
    std::ptrdiff_t beside = -1;
  };
  // Takes the memory of `plain` unless everything moved.
  static arena packed(arena&& plain, buffer<B, std::byte> moved, std::vector<place> places) {
    arena a;
    a.layout_ = plain.layout_;
    if (!std::all_of(places.begin(), places.end(), [](const place& p) { return p.moved; }))
      a.stayed_ = std::move(plain.data_);
    a.moved_ = std::move(moved);
    a.places_ = std::move(places);
    return a;
  }
  bool is_packed() const { return !places_.empty(); }

  const std::shared_ptr<const arena_layout>& layout() const { return layout_; }
  std::size_t bytes() const { return data_.bytes() + stayed_.bytes() + moved_.bytes(); }
  std::int64_t size() const { return static_cast<std::int64_t>(data_.size()); }  // scalars of plain data
  // Whether this arena holds an entry (all do, but for a prefix).
  bool holds(const arena_layout::entry& e) const { return e.offset + e.size() <= size(); }
  scalar* data() { return data_.data(); }
  const scalar* data() const { return data_.data(); }

  matrix_view<scalar> view(const parameter& p) { return {data() + placed(p), p.rows(), p.cols(), p.cols(), nullptr}; }
  matrix_view<const scalar> view(const parameter& p) const { return weight(p); }
  // The same with what the engine packed, if it did; then there is no plain data.
  weight_view<scalar> weight(const parameter& p) const {
    const std::int64_t offset = placed(p);
    if (!is_packed()) return {{data() + offset, p.rows(), p.cols(), p.cols(), nullptr}, nullptr};
    const place& at = places_[static_cast<std::size_t>(p.entry())];
    const std::byte* bytes = at.moved ? moved_.data() : reinterpret_cast<const std::byte*>(stayed_.data());
    bytes += at.offset;
    const auto* plain = at.packed ? nullptr : reinterpret_cast<const scalar*>(bytes);
    const std::byte* const packed = at.packed ? bytes : at.beside >= 0 ? moved_.data() + at.beside : nullptr;
    return {{plain, p.rows(), p.cols(), p.cols(), nullptr}, packed};
  }

  // Host access by name; values are converted one by one.
  template <class T>
  void write(std::string_view name, std::span<const T> host) {
    const auto& n = layout_->at(name);
    if (static_cast<std::int64_t>(host.size()) != n.count)
      throw shape_error({"arena: " + n.text, std::to_string(n.count) + " values", std::to_string(host.size()), {}});
    std::vector<scalar> converted(host.begin(), host.end());
    data_.write(converted, first(n));
  }
  void write(const arena_layout::entry& e, std::span<const scalar> host) {
    require_equal("arena", "values of an entry", static_cast<long long>(host.size()), e.size());
    data_.write(host, static_cast<std::size_t>(e.offset));
  }
  std::vector<scalar> read(const arena_layout::entry& e) const {
    std::vector<scalar> host(static_cast<std::size_t>(e.size()));
    data_.read(host, static_cast<std::size_t>(e.offset));
    return host;
  }
  std::vector<scalar> read(std::string_view name) const {
    if (is_packed())
      throw config_error({"arena: packed weights cannot be read back", {}, {}, "read from the arena they were packed from"});
    const auto& n = layout_->at(name);
    std::vector<scalar> host(static_cast<std::size_t>(n.count));
    data_.read(host, first(n));
    return host;
  }

 private:
  std::size_t first(const arena_layout::name& n) const {
    return static_cast<std::size_t>(layout_->entries()[static_cast<std::size_t>(n.entry)].offset + n.first);
  }
  std::int64_t placed(const parameter& p) const {
    if (!layout_ || p.layout() != layout_->id())
      throw not_placed_error({p.placed() ? "a parameter is laid out for another model than the arena"
                                         : "a parameter was used before it was laid out",
                              {}, {}, "call arena_layout::place on the model, or use blip::owned for a single layer"});
    if (!is_packed() && p.offset() + p.size() > size())
      throw not_placed_error({"a parameter lies behind the part of the model that this arena holds", {}, {},
                              "name the part among the model's averaged ones"});
    return p.offset();
  }

  std::shared_ptr<const arena_layout> layout_;
  buffer<B, scalar> data_;
  buffer<B, scalar> stayed_;  // of a packed arena, like what follows
  buffer<B, std::byte> moved_;
  std::vector<place> places_;
};

// The gradients of one step. `touched` tells which entries a loss reached: the others hold garbage, and optimisers
// leave their parameters alone, weight decay included. Frozen entries never receive any.
template <backend B>
class gradients {
 public:
  using scalar = typename B::scalar;

  explicit gradients(std::shared_ptr<const arena_layout> layout)
      : values_(std::move(layout)),
        touched_(values_.layout()->entries().size(), 0),
        frozen_(values_.layout()->entries().size(), 0) {}

  void clear() { std::fill(touched_.begin(), touched_.end(), char{0}); }
  void freeze(int entry, bool frozen = true) { frozen_[static_cast<std::size_t>(entry)] = frozen; }

  bool touched(int entry) const { return touched_[static_cast<std::size_t>(entry)] != 0; }
  bool trains(const parameter& p) const { return frozen_[static_cast<std::size_t>(p.entry())] == 0; }

  // Counts an entry as reached, by zeros if no loss did: one of another rank has.
  void reach(int entry) {
    const auto& e = values_.layout()->entries()[static_cast<std::size_t>(entry)];
    if (!std::exchange(touched_[static_cast<std::size_t>(entry)], char{1}))
      memory<B>::zero(values_.data() + e.offset, static_cast<std::size_t>(e.size()) * sizeof(scalar));
  }

  // Where a pullback adds the gradient of `p`; the first one of a step overwrites.
  gradient_view<scalar> view(const parameter& p) {
    if (!trains(p)) return {};
    char& touched = touched_[static_cast<std::size_t>(p.entry())];
    const bool accumulate = touched != 0;
    touched = 1;
    return {values_.view(p), accumulate};
  }
  // The same for pullbacks that reach some rows only.
  gradient_view<scalar> zeroed_view(const parameter& p) {
    gradient_view<scalar> g = view(p);
    if (g && !g.accumulate) {
      memory<B>::zero(g.data, static_cast<std::size_t>(p.size()) * sizeof(scalar));
      g.accumulate = true;
    }
    return g;
  }

  arena<B>& values() { return values_; }
  const arena<B>& values() const { return values_; }

 private:
  arena<B> values_;
  std::vector<char> touched_, frozen_;
};

}  // namespace blip::inline BLIP_ABI
