// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "blip/core/function_ref.hpp"
#include "blip/core/one_line.hpp"
#include "blip/io/checkpoint_rewrite.hpp"
#include "blip/io/weights_layout.hpp"

namespace blip::inline BLIP_ABI {

// How a model and a file of weights fit together. Names of parameters are the model's, names of tensors the file's.
struct load_report {
  struct missing_parameter {
    std::string name,
        tensor;           // what it is called, and what the file should call it (empty: the layout has no such thing)
    std::string nearest;  // the tensor left over that is called most like it; empty: none is
  };
  struct other_shape {
    std::string name, tensor;
    std::vector<std::uint64_t> expected, found;
  };

  std::string path;
  weights_layout layout = weights_layout::official;  // which fits best
  std::string prefix;                                // what stands before all names of the file
  rewrite_plan rewrite;
  std::size_t parameters = 0, loaded = 0;  // names of the model, and those that the file gives a value
  std::vector<std::string> resized;        // position tables that come from another grid
  std::vector<std::string> grown;          // tables whose last rows the file does not have
  std::vector<std::string> kept;           // what the layout never stores (temperatures), and stays as it is
  std::vector<missing_parameter> missing;
  std::vector<other_shape> mismatched;
  std::vector<std::string> unexpected;  // tensors that belong to no parameter, of parts that the model has
  std::vector<std::string> unused;      // all tensors that the model did not take: other parts, copies, queues, buffers
};

// "[2, 3]".
[[gnu::cold]] inline std::string shape_text(std::span<const std::uint64_t> shape) {
  std::string text = "[";
  for (const std::uint64_t d : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(d);
  return text + "]";
}

namespace detail {

// The first ten of a list, separated by commas, each as `text` says it.
[[gnu::cold]] inline std::string first_ten(std::size_t count, function_ref<std::string(std::size_t)> text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 10) return all + ", and " + std::to_string(count - i) + " more";
    all += (i > 0 ? ", " : "") + text(i);
  }
  return all;
}

// What a report has to complain about, in one line: kinds by kind, ten names each.
[[gnu::cold]] inline std::string complaints(const load_report& r, bool missing, bool mismatched, bool unexpected) {
  std::string text;
  const auto add = [&](const std::string& kind, const std::string& names) {
    text += (text.empty() ? "" : "; ") + kind + " " + names;
  };
  if (missing && !r.missing.empty())
    add("missing", first_ten(r.missing.size(), [&](std::size_t i) {
          const auto& m = r.missing[i];
          const std::string called = m.tensor.empty()     ? m.name + " (which the layout does not have)"
                                     : m.tensor == m.name ? m.name
                                                          : m.name + " (there " + m.tensor + ")";
          return called + (m.nearest.empty() ? "" : " (is it " + one_line(m.nearest, 256) + "?)");
        }));
  if (mismatched && !r.mismatched.empty())
    add("of another shape", first_ten(r.mismatched.size(), [&](std::size_t i) {
          const auto& m = r.mismatched[i];
          return m.name + " " + shape_text(m.expected) + " (there " + shape_text(m.found) + ")";
        }));
  if (unexpected && !r.unexpected.empty())
    add("unexpected", first_ten(r.unexpected.size(), [&](std::size_t i) { return one_line(r.unexpected[i], 256); }));
  return text;
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
