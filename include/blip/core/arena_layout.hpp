// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/parameter.hpp"

namespace blip::inline BLIP_ABI {

// Where each parameter of a model lies in an arena, and under which names. An entry is one stretch of storage; a tied
// parameter is one entry with several names, a fused query/key/value weight one entry with a name per row slice.
class arena_layout {
 public:
  struct entry {
    std::string name;  // the first one given
    std::int64_t offset;
    int rows, cols, rank;
    bool product;
    initial start;
    double start_value;
    bool multiplied;  // looked up, and the weight of a product too
    std::int64_t size() const { return std::int64_t{rows} * cols; }
  };
  struct name {
    std::string text;
    int entry;
    std::int64_t first, count;  // scalars, relative to the entry
    std::array<int, 4> shape;
    int rank;
  };

  arena_layout() : id_(next_id()) {}

  // Places every parameter of `module` that has no place in this layout yet. A parameter that `members` names again
  // (here or in an earlier call) is tied: it only gains a name. A module that shares parameters between its parts says
  // so in `ties(self, layout)`, which calls `tie`.
  template <class M>
  void place(std::string_view prefix, M& module) {
    if constexpr (requires { M::ties(module, *this); }) M::ties(module, *this);
    walk(module, prefix, [this](std::string_view path, const parameter_rows& rows, bool whole) {
      add(path, rows, whole);
    });
  }

  // When `module` and `source`, modules of one structure, are placed, they will share storage, except where
  // `separate(path)` says that a parameter stays its own (decoder sharing schemes). Call it before `place`.
  template <class M>
  void tie(M& module, M& source, function_ref<bool(std::string_view)> separate) {
    std::vector<const parameter*> twins;
    walk(source, {}, [&](std::string_view, const parameter_rows& r, bool) { twins.push_back(&r.whole); });
    std::size_t i = 0;
    walk(module, {}, [&](std::string_view path, const parameter_rows& r, bool) {
      const parameter* const twin = root(twins[i++]);
      if (!separate(path) && twin != &r.whole) twins_.emplace_back(&r.whole, twin);
    });
  }

  // A further name for a parameter that was placed before (a head's weight that is the word table).
  void alias(std::string_view text, parameter& p) {
    add(text, {p, 0, p.rank() == 1 ? p.cols() : p.rows()}, true);
  }

  std::uint64_t id() const { return id_; }
  std::int64_t size() const { return size_; }  // scalars, alignment included
  const std::vector<entry>& entries() const { return entries_; }
  const std::vector<name>& names() const { return names_; }

  const name* find(std::string_view text) const {
    const auto at = index_.find(std::string(text));
    return at == index_.end() ? nullptr : &names_[at->second];
  }
  const name& at(std::string_view text) const {
    if (const name* n = find(text)) return *n;
    throw config_error({"arena_layout: no parameter is called " + std::string(text), {}, {}, {}});
  }
  // Parameters, each counted once.
  std::int64_t parameters() const {
    std::int64_t n = 0;
    for (const entry& e : entries_) n += e.size();
    return n;
  }

 private:
  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }

  const parameter* root(const parameter* p) const {
    while (const parameter* const twin = second_of(twins_, p)) p = twin;
    return p;
  }
  // What the last pair that begins with p ends with. Few parameters are tied.
  using pairs = std::vector<std::pair<const parameter*, const parameter*>>;
  static const parameter* second_of(const pairs& all, const parameter* p) {
    for (std::size_t i = all.size(); i > 0; --i)
      if (all[i - 1].first == p) return all[i - 1].second;
    return nullptr;
  }

  [[gnu::cold]] void add(std::string_view text, const parameter_rows& r, bool whole) {
    parameter& p = r.whole;
    if (p.size() <= 0)
      throw config_error({"arena_layout: " + std::string(text) + " has no elements", {}, {}, "set its sizes first"});
    if (p.layout() != id_ && !twins_.empty()) {  // of tied parameters, whichever comes first is placed for all
      const parameter* const top = root(&p);
      if (const parameter* const placed = second_of(first_, top))
        p.place(id_, placed->entry(), placed->offset());
      else
        first_.emplace_back(top, &p);
    }
    if (p.layout() != id_) {
      p.place(id_, static_cast<int>(entries_.size()), size_);
      entries_.push_back({std::string(text), size_, p.rows(), p.cols(), p.rank(), p.product(), p.start(),
                          p.start_value(), false});
      size_ += (p.size() + 15) / 16 * 16;  // every entry begins on a cache line
    }
    if (p.multiplied()) entries_[static_cast<std::size_t>(p.entry())].multiplied = true;
    const std::int64_t unit = p.rank() == 1 ? 1 : p.cols();
    name n{std::string(text), p.entry(), r.first * unit, r.count * unit, p.shape(), p.rank()};
    if (!whole) n.shape[0] = r.count;
    if (!index_.emplace(n.text, names_.size()).second)
      throw config_error({"arena_layout: two parameters are called " + n.text, {}, {}, {}});
    names_.push_back(std::move(n));
  }

  std::uint64_t id_;
  std::int64_t size_ = 0;
  std::vector<entry> entries_;
  std::vector<name> names_;
  std::unordered_map<std::string, std::size_t> index_;
  pairs twins_, first_;
};

}  // namespace blip::inline BLIP_ABI
