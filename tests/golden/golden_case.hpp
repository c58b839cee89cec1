// SPDX-License-Identifier: Apache-2.0
#pragma once

// Reads one golden case: stored tensors, tolerances, and comparisons that name the tensor that is off.
#include <simdjson.h>

#include <cmath>
#include <string>
#include <vector>

#include "blip/blip.hpp"
#include "blip/io/safetensors.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"

namespace golden {

struct tolerance {
  double relative = 0, absolute = 0;  // |difference| <= relative * max|expected| + absolute
};

class stored {
 public:
  explicit stored(const std::string& path) : file_(path) {}

  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& t : file_.tensors()) all.push_back(t.name);
    return all;
  }
  std::vector<long> shape(const std::string& name) const {
    std::vector<long> s;
    for (const auto d : at(name).shape) s.push_back(static_cast<long>(d));
    return s;
  }
  template <class T>
  std::vector<T> read(const std::string& name) const {
    std::vector<T> out;
    for (const double v : file_.template read<double>(at(name))) out.push_back(static_cast<T>(v));
    return out;
  }

 private:
  const blip::safetensors_tensor& at(const std::string& name) const {
    const auto* t = file_.find(name);
    INFO("tensor " << name);
    REQUIRE(t != nullptr);
    return *t;
  }
  blip::safetensors_file file_;
};

// A case's folder with its files; the scalar decides how close results must be.
template <class S>
class test_case {
 public:
  explicit test_case(const std::string& directory)
      : weights(directory + "/weights.safetensors"),
        inputs(directory + "/inputs.safetensors"),
        expected(directory + "/expected.safetensors"),
        json_(simdjson::padded_string::load(directory + "/case.json").value()) {
    parsed_ = parser_.parse(json_);
  }

  // Storage rounding for double; what the case states for float (BLIP: numbers by kind; ALBEF: rules of its README).
  void compare(const std::string& name, const std::vector<S>& actual, const std::string& kind,
               const std::vector<char>& rows = {}) const {
    compare(name, actual, expected.template read<double>(name), kind, rows);
  }
  void compare(const std::string& name, const std::vector<S>& actual, const std::vector<double>& want,
               const std::string& kind, const std::vector<char>& rows = {}) const {
    INFO(name << " (" << kind << ")");
    REQUIRE(actual.size() == want.size());
    double top = 0, worst = 0;
    const std::size_t width = rows.empty() ? 1 : want.size() / rows.size();
    for (std::size_t i = 0; i < want.size(); ++i) {
      if (!rows.empty() && !rows[i / width]) continue;  // padding: nothing to compare
      top = std::max(top, std::abs(want[i]));
      const double difference = std::abs(static_cast<double>(actual[i]) - want[i]);
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
    const tolerance t = limit(kind);
    CHECK(worst <= t.relative * top + t.absolute);
  }

  // Compares every stored gradient of a run; entries that the run does not reach must be untouched, unless the case says
  // that it stores only some of the gradients.
  template <blip::backend B>
  void compare_gradients(const blip::gradients<B>& g, const std::string& run = "", const std::string& prefix = "",
                         bool all_stored = true) const {
    double largest = 0;
    for (const auto& name : expected.names())
      if (name.starts_with(run + "grad."))
        for (const double v : expected.template read<double>(name)) largest = std::max(largest, std::abs(v));
    largest_gradient_ = largest;
    int compared = 0;
    const auto& layout = *g.values().layout();
    for (const auto& n : layout.names()) {
      const std::string key = run + "grad." + prefix + n.text;
      if (expected.has(key)) {
        INFO(n.text << " must have received a gradient");
        CHECK(g.touched(n.entry));
        compare(key, g.values().read(n.text), is_zero_gradient(n.text) ? "zero_gradients" : "gradients");
        ++compared;
      } else if (all_stored) {
        bool tied = false;  // stored once, under the first name
        for (const auto& other : layout.names()) tied = tied || (other.entry == n.entry && expected.has(run + "grad." + prefix + other.text));
        INFO(n.text << " must not have received a gradient");
        CHECK((tied || !g.touched(n.entry)));
      }
    }
    int stored_gradients = 0;
    for (const auto& name : expected.names()) stored_gradients += name.starts_with(run + "grad.");
    CHECK(compared == stored_gradients);
  }

  // Loads every parameter of the layout from the stored state under `prefix + name`.
  template <blip::backend B>
  void load(blip::arena<B>& values, const std::string& prefix = "") const {
    for (const auto& n : values.layout()->names()) {
      const std::vector<double> v = weights.template read<double>(prefix + n.text);
      values.template write<double>(n.text, std::span<const double>(v));
    }
  }

  // A number of case.json by JSON pointer, or `otherwise`.
  double number_at(const std::string& pointer, double otherwise) const {
    double v = 0;
    return parsed_.at_pointer(pointer).get(v) == simdjson::SUCCESS ? v : otherwise;
  }

  // Words of case.json by JSON pointer; none: empty.
  std::string_view words_at(const std::string& pointer) const {
    std::string_view v;
    return parsed_.at_pointer(pointer).get(v) == simdjson::SUCCESS ? v : std::string_view{};
  }

  stored weights, inputs, expected;

 private:
  bool is_zero_gradient(const std::string& name) const {
    if (name.ends_with("key.bias")) return true;
    return false;
  }
  tolerance limit(const std::string& kind) const {
    if (test::rounds_products()) return rounded_limit(kind);
    const bool exact = sizeof(S) == 8;
    simdjson::dom::element block;
    if (parsed_["tolerance"][kind]["absolute"].get(block) == simdjson::SUCCESS) {  // BLIP
      const double absolute = number(kind, "absolute");
      const double relative = kind == "zero_gradients" ? 0 : number(kind, "relative");
      // Zero gradients are rounding noise in any precision.
      return exact ? tolerance{1e-7, kind == "zero_gradients" ? absolute * 1e-6 : 1e-9} : tolerance{relative, absolute};
    }
    const double noise = std::max(0.5, largest_gradient_);  // ALBEF, README "Tolerances"
    if (exact) return {1e-7, kind == "zero_gradients" ? 1e-12 * noise : 1e-9};
    if (kind == "outputs") return {2e-5, 2e-5};
    if (kind == "losses") return {1e-5, 1e-6};
    if (kind == "act_grad") return {2e-4, 1e-6};
    if (kind == "after_queues") return {0, 2e-5};
    if (kind == "after_momentum_and_queues") return {0, 2e-6};
    return {2e-4, 2e-6 * noise};
  }
  // With products of bf16 (docs/numerics.md). What follows a step of AdamW says nothing then: its first step moves every
  // parameter by the learning rate, in the direction of a gradient that may be as small as the rounding.
  tolerance rounded_limit(const std::string& kind) const {
    if (kind.starts_with("after")) return {0, INFINITY};
    if (kind == "losses") return {4e-2, 0};
    if (kind == "outputs") return {8e-2, 1e-3};
    return {2e-1, 1e-2 * largest_gradient_};
  }
  double number(const std::string& kind, const char* which) const {
    return parsed_["tolerance"][kind][which].get_double().value();
  }

  simdjson::padded_string json_;
  simdjson::dom::parser parser_;
  simdjson::dom::element parsed_;
  mutable double largest_gradient_ = 0;
};

// Rows of padded [batch, length] ids or masks as a packed batch, with the way back.
struct packing {
  std::vector<int> lengths, rows;  // rows: index of each packed row in the padded matrix
  std::vector<char> used;          // per padded row

  packing(const std::vector<int>& mask, int batch) : used(mask.size(), 0) {
    const std::size_t length = mask.size() / static_cast<std::size_t>(batch);
    for (std::size_t b = 0; b < static_cast<std::size_t>(batch); ++b) {
      int n = 0;
      for (std::size_t i = 0; i < length; ++i)
        if (mask[b * length + i]) rows.push_back(static_cast<int>(b * length + i)), used[b * length + i] = 1, ++n;
      lengths.push_back(n);
    }
  }
  template <class S>
  std::vector<S> pack(const std::vector<S>& padded, int width = 1) const {
    std::vector<S> out;
    for (const int r : rows)
      for (int c = 0; c < width; ++c) out.push_back(padded[static_cast<std::size_t>(r * width + c)]);
    return out;
  }
  template <class S>
  std::vector<S> unpack(const std::vector<S>& packed, int width = 1) const {
    std::vector<S> out(used.size() * static_cast<std::size_t>(width), S(0));
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (int c = 0; c < width; ++c)
        out[static_cast<std::size_t>(rows[i] * width + c)] = packed[i * static_cast<std::size_t>(width) + static_cast<std::size_t>(c)];
    return out;
  }
};

template <class B, class S>
blip::buffer<B, S> to_device(const std::vector<S>& v) {
  return blip::buffer<B, S>(std::span<const S>(v));
}
template <class S>
blip::matrix_view<const S> rows_of(const S* data, int rows, int width) {
  return {data, rows, width, width, nullptr};
}

}  // namespace golden
