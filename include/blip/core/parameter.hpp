// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>

#include "blip/core/function_ref.hpp"
#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// How a parameter starts before any training.
enum class initial {
  zeros,           // biases
  ones,            // gains of layer norms
  normal,          // N(0, std); weights, embeddings, class token
  uniform_fan_in,  // U(-1 / sqrt(cols), 1 / sqrt(cols)); convolutions
  value,           // what parameter::starts_at says; temperatures
};

// The shape of one parameter and, once it was laid out, its place in every arena. It holds no values: those come from
// the arena that a tape is bound to, so that one const model serves the online and the momentum weights alike.
class parameter {
 public:
  parameter() = default;
  // A matrix [rows, cols]; `product` marks the weights of matrix products, which a back end may hold packed.
  [[gnu::noinline]] parameter(int rows, int cols, bool product = false, initial start = initial::normal)
      : rows_(rows), cols_(cols), rank_(2), shape_{rows, cols}, product_(product), initial_(start) {}
  // A vector [cols].
  [[gnu::noinline]] explicit parameter(int cols, initial start = initial::zeros)
      : rows_(1), cols_(cols), rank_(1), shape_{cols}, initial_(start) {}
  // The same values under the shape that checkpoints give them; kernels see [rows, cols].
  parameter& stored_as(std::array<int, 4> shape, int rank) {
    shape_ = shape, rank_ = rank;
    return *this;
  }
  // A matrix whose rows are looked up is the weight of a product as well (a word table tied to a head): a back end may hold
  // it packed beside the plain one.
  parameter& multiplies_too() {
    multiplied_ = true;
    return *this;
  }
  parameter& starts(initial how) {
    initial_ = how;
    return *this;
  }
  parameter& starts_at(double value) {
    start_value_ = value;
    return starts(initial::value);
  }

  int rows() const { return rows_; }
  int cols() const { return cols_; }
  int rank() const { return rank_; }
  const std::array<int, 4>& shape() const { return shape_; }
  bool product() const { return product_; }
  bool multiplied() const { return multiplied_; }
  initial start() const { return initial_; }
  double start_value() const { return start_value_; }
  std::int64_t size() const { return std::int64_t{rows_} * cols_; }

  bool placed() const { return offset_ >= 0; }
  std::int64_t offset() const { return offset_; }  // in scalars; -1 before it was laid out
  int entry() const { return entry_; }             // index into arena_layout::entries()
  std::uint64_t layout() const { return layout_; }  // which arena_layout placed it last
  void place(std::uint64_t layout, int entry, std::int64_t offset) {
    layout_ = layout, entry_ = entry, offset_ = offset;
  }

 private:
  int rows_ = 0, cols_ = 0, rank_ = 0;
  std::array<int, 4> shape_{};
  bool product_ = false, multiplied_ = false;
  initial initial_ = initial::zeros;
  double start_value_ = 0;
  int entry_ = -1;
  std::int64_t offset_ = -1;
  std::uint64_t layout_ = 0;
};

// Some rows of a parameter under a name of their own: query, key and value of one fused weight. For a vector the rows
// are its elements.
struct parameter_rows {
  parameter& whole;
  int first, count;
};

// One named parameter or slice, as the walk meets it.
using leaf_visitor = function_ref<void(std::string_view name, const parameter_rows& rows, bool whole)>;

namespace detail {

struct any_visitor {
  template <class M>
  void operator()(std::string_view, M&&) const {}
};
template <class M>
concept has_members = requires(M& member) { M::members(member, any_visitor{}); };

// Appends one segment of a dotted path for the duration of a scope.
class path_segment {
 public:
  path_segment(std::string& path, std::string_view name) : path_(path), length_(path.size()) {
    if (!path.empty() && !name.empty()) path += '.';
    path += name;
  }
  path_segment(const path_segment&) = delete;
  path_segment& operator=(const path_segment&) = delete;
  ~path_segment() { path_.resize(length_); }

 private:
  std::string& path_;
  std::size_t length_;
};

// Leaves are most of a model, so naming and visiting one is a call.
[[gnu::noinline]] inline void walk(const parameter_rows& rows, std::string_view name, std::string& path,
                                   leaf_visitor visit, bool whole = false) {
  const path_segment segment(path, name);
  visit(path, rows, whole);
}
[[gnu::noinline]] inline void walk(parameter& p, std::string_view name, std::string& path, leaf_visitor visit) {
  walk(parameter_rows{p, 0, p.rank() == 1 ? p.cols() : p.rows()}, name, path, visit, true);
}

template <class M>
  requires(!std::same_as<std::remove_const_t<M>, parameter_rows>)
[[gnu::cold]] void walk(M& member, std::string_view name, std::string& path, leaf_visitor visit) {
  const path_segment segment(path, name);
  if constexpr (requires { std::begin(member); }) {  // equal blocks: a numbered path each
    int i = 0;
    for (auto& m : member) walk(m, std::to_string(i++), path, visit);
  } else {
    static_assert(has_members<M>,
                  "blip::walk: a part has no `template <class S, class F> static void members(S& self, F&& f)`");
    M::members(member, [&](std::string_view part, auto&& m) { walk(m, part, path, visit); });
  }
}

}  // namespace detail

// Visits every parameter of a layer, tower or model in the order of its `members`, with dotted names as checkpoints
// have them. A layer lists its parts in `template <class S, class F> static void members(S& self, F&& f)`.
template <class M>
void walk(M& module, std::string_view prefix, leaf_visitor visit) {
  std::string path;
  detail::walk(module, prefix, path, visit);
}

}  // namespace blip::inline BLIP_ABI
