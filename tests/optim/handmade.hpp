// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/arena.hpp"
#include "blip/core/device.hpp"
#include "support/numbers.hpp"

namespace blip_test {

struct named_shape {
  std::string name;
  std::vector<int> shape;
};

// A module of any parameters.
struct some_parameters {
  std::vector<std::pair<std::string, blip::parameter>> parts{};

  some_parameters() = default;
  explicit some_parameters(const std::vector<named_shape>& shapes) {
    for (const auto& s : shapes) {
      std::array<int, 4> stored{};
      std::copy(s.shape.begin(), s.shape.end(), stored.begin());
      int cols = 1;
      for (std::size_t i = s.shape.size() > 1 ? 1 : 0; i < s.shape.size(); ++i) cols *= s.shape[i];
      blip::parameter p = s.shape.size() > 1 ? blip::parameter(s.shape[0], cols) : blip::parameter(cols);
      parts.emplace_back(s.name, p.stored_as(stored, static_cast<int>(s.shape.size())));
    }
  }
  template <class Self, class F>
  static void members(Self& self, F&& f) {
    for (auto& [name, p] : self.parts) f(name, p);
  }
};

// Such a module with values and gradients that are written by hand. What no gradient was given to is untouched.
template <class B>
class handmade {
 public:
  using S = typename B::scalar;

  explicit handmade(const std::vector<named_shape>& shapes, int threads = 2)
      : dev(with_threads(threads)), module_(shapes), values(lay_out(module_)), gradients(values.layout()) {}

  const blip::arena_layout& layout() const { return *values.layout(); }
  int count() const { return static_cast<int>(layout().entries().size()); }
  int size(int entry) const { return static_cast<int>(at(layout().entries(), entry).size()); }

  void value(int entry, const numbers& v) { values.write(at(layout().entries(), entry), convert(v)); }
  void gradient(int entry, const numbers& v) {
    touch(entry);
    gradients.values().write(at(layout().entries(), entry), convert(v));
  }
  void touch(int entry) { gradients.view(at(module_.parts, entry).second); }
  numbers value(int entry) const { return of(values, entry); }
  numbers gradient(int entry) const { return of(gradients.values(), entry); }
  numbers of(const blip::arena<B>& a, int entry) const {
    const auto v = a.read(at(layout().entries(), entry));
    return {v.begin(), v.end()};
  }
  // Everything that an arena holds, entry by entry.
  numbers all(const blip::arena<B>& a) const {
    numbers out;
    for (int i = 0; i < count(); ++i)
      for (const double x : of(a, i)) out.push_back(x);
    return out;
  }

  blip::device<B> dev;

 private:
  static typename B::options with_threads(int threads) {
    typename B::options o{};
    if constexpr (requires { o.threads; }) o.threads = threads;
    return o;
  }
  static std::shared_ptr<const blip::arena_layout> lay_out(some_parameters& module) {
    auto layout = std::make_shared<blip::arena_layout>();
    layout->place("", module);
    return layout;
  }
  std::vector<S> convert(const numbers& v) const { return {v.begin(), v.end()}; }

  some_parameters module_;

 public:
  blip::arena<B> values;
  blip::gradients<B> gradients;
};

// The temperature, a matrix of several tiles, its bias, and something of rank 3.
inline const std::vector<named_shape> usual{
    {"temp", {}}, {"proj.weight", {53, 89}}, {"proj.bias", {53}}, {"cls_token", {1, 3, 5}}};

// Values of its own for each entry.
template <class B>
void fill(handmade<B>& m, std::uint64_t seed) {
  for (int i = 0; i < m.count(); ++i) m.value(i, random_numbers(m.size(i), seed + static_cast<std::uint64_t>(i)));
}
template <class B>
void fill_gradients(handmade<B>& m, std::uint64_t seed, double high = 1) {
  for (int i = 0; i < m.count(); ++i)
    m.gradient(i, random_numbers(m.size(i), seed + 100 + static_cast<std::uint64_t>(i), -high, high));
}

}  // namespace blip_test
