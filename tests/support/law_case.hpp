// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "blip/autograd/tape.hpp"
#include "blip/core/packed_layout.hpp"
#include "support/numbers.hpp"

namespace blip_test {

// How rows form sequences, before it lies in back-end memory.
struct law_layout {
  std::vector<int> lengths;
  std::vector<int> begins{}, positions{}, streams{};  // empty: packed; 0; the sequence's number
  int rows = 0;                                       // with begins: rows of storage
  bool uniform = false;

  static law_layout packed(std::vector<int> lengths) { return {.lengths = std::move(lengths)}; }
  static law_layout equal(int sequences, int length) {
    return {.lengths = std::vector<int>(static_cast<std::size_t>(sequences), length), .uniform = true};
  }
  static law_layout single_rows(int rows) { return equal(rows, 1); }

  int sequences() const { return static_cast<int>(lengths.size()); }
  int begin(int s) const {
    if (!begins.empty()) return at(begins, s);
    int first = 0;
    for (int i = 0; i < s; ++i) first += at(lengths, i);
    return first;
  }
  // Which rows of storage belong to a sequence.
  std::vector<bool> used(int storage) const {
    std::vector<bool> rows_used(static_cast<std::size_t>(storage), false);
    for (int s = 0; s < sequences(); ++s)
      for (int i = 0; i < at(lengths, s); ++i) rows_used[static_cast<std::size_t>(begin(s) + i)] = true;
    return rows_used;
  }
  // Sequence s by itself, at its positions and with its random numbers.
  law_layout alone(int s) const {
    return {.lengths = {at(lengths, s)}, .positions = {positions.empty() ? 0 : at(positions, s)},
            .streams = {streams.empty() ? s : at(streams, s)}};
  }
};

// A matrix given from outside. `split` is the layout by which its rows belong to sequences (-1: shared by all).
struct law_input {
  int rows, width;
  int split = -1;
  bool gradient = true;
  int live = -1;              // only so many rows are in use; the others are NaN
  bool gaps = false;          // rows between the sequences of `split` are NaN
  double low = -1, high = 1;
  numbers values{};           // instead of random ones
};

struct law_ints {
  std::vector<int> values;
  int split = -1;
};

// What a subject of the laws is run on.
struct law_case {
  std::vector<law_input> inputs{};
  std::vector<law_ints> ints{};
  std::vector<law_layout> layouts{};
  int output_split = -1;      // layout of the result's rows; -1: no law about batches
  bool output_gaps = false;   // the gradient given for rows between sequences is NaN and must not matter
  blip::tape_options tape{};
  bool batch_is_bitwise = true;
};

// Sequence s of a case, alone.
inline law_case alone(const law_case& c, int s) {
  law_case one = c;
  for (law_layout& l : one.layouts) l = l.alone(s);
  const auto part = [&](int split, auto& values, int width) {
    const law_layout& l = at(c.layouts, split);
    values = rows_of(values, width, l.begin(s), at(l.lengths, s));
  };
  for (law_input& i : one.inputs)
    if (i.split >= 0) {
      if (!i.values.empty()) part(i.split, i.values, i.width);
      i.rows = at(at(c.layouts, i.split).lengths, s);
      i.gaps = false;
    }
  for (law_ints& i : one.ints)
    if (i.split >= 0) part(i.split, i.values, 1);
  one.output_gaps = false;
  return one;
}

// The values of all inputs, then of all parameters: what one differentiates by.
using law_point = std::vector<numbers>;

// What came out: the rows of y in use, and the gradient of each leaf (empty where none arrived).
struct law_result {
  numbers y{}, y_tangent{};
  int rows = 0, width = 0, live = 0;
  law_point gradients{};
  bool unused_rows_untouched = true;
};

template <int N>
struct width_constant {};
template <int N>
inline constexpr width_constant<N> w{};

// What a forward sees of its case: everything in memory of its back end.
template <class T>
class law_arguments {
 public:
  using B = typename T::backend_type;

  std::vector<blip::tensor<B>> inputs{};
  std::vector<const int*> lives{};
  std::vector<const int*> int_arrays{};
  std::vector<blip::sequence_layout> layouts{};

  const blip::tensor<B>& tensor(int i) const { return at(inputs, i); }
  template <int W>
  blip::var<T, W> x(int i, width_constant<W>) const {
    return blip::var<T, W>(at(inputs, i));
  }
  blip::scores<T> scores(int i) const { return blip::scores<T>(at(inputs, i)); }
  const int* live(int i) const { return at(lives, i); }
  const int* ints(int i) const { return at(int_arrays, i); }
  const blip::sequence_layout& layout(int i) const { return at(layouts, i); }
};

}  // namespace blip_test
