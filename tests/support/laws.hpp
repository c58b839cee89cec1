// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "support/catch.hpp"
#include "support/law_bench.hpp"
#include "support/tolerance.hpp"

namespace blip_test {

// A subject on every back end that the laws compare.
struct law_subject {
  law_factory reference, dual, fenced;
  std::function<std::unique_ptr<law_runner>(const law_case&, blip::cpu::options)> cpu;
};

struct no_parameters {
  template <class Self, class F>
  static void members(Self&, F&&) {}
};

// Inputs as the case gives them or random ones, NaN where nothing may be read; then parameters.
inline law_point random_point(const law_case& c, const std::vector<blip::arena_layout::entry>& entries) {
  law_point p;
  std::uint64_t seed = 1;
  for (const law_input& i : c.inputs) {
    numbers v = i.values.empty() ? random_numbers(i.rows * i.width, seed, i.low, i.high) : i.values;
    ++seed;
    const std::vector<bool> used = i.gaps ? at(c.layouts, i.split).used(i.rows) : std::vector<bool>();
    for (int r = 0; r < i.rows; ++r)
      if ((i.live >= 0 && r >= i.live) || (!used.empty() && !used[static_cast<std::size_t>(r)]))
        std::fill_n(v.begin() + std::ptrdiff_t{r} * i.width, i.width, nan);
    p.push_back(std::move(v));
  }
  for (const auto& e : entries) {
    const bool gain = e.start == blip::initial::ones;  // around 1, and never 0: temperatures are divided by
    p.push_back(random_numbers(static_cast<int>(e.size()), 100 + seed++, gain ? 0.5 : -0.5, gain ? 1.5 : 0.5));
  }
  return p;
}

// Which elements of a leaf are differentiated one by one: all of a small one, else some spread over it.
inline std::vector<int> probes(const numbers& leaf) {
  const int size = static_cast<int>(leaf.size()), step = std::max(1, size / 48);
  std::vector<int> some;
  for (int i = 0; i < size; i += step)
    if (!std::isnan(leaf[static_cast<std::size_t>(i)])) some.push_back(i);
  return some;
}

inline numbers times(numbers v, double factor) {
  for (double& x : v) x *= factor;
  return v;
}
inline double dot(const numbers& a, const numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += a[i] * b[i];
  return sum;
}

// Pullback of the reference back end against dual numbers (1e-12) and central differences in double (1e-6 for an op).
inline void pullback_law(const law_subject& s, const law_case& c, const law_point& p, const numbers& dy,
                         const law_result& recorded, std::optional<difference_tolerance> differences) {
  const auto on_double = s.reference(c);
  const auto on_dual = s.dual(c);
  for (std::size_t leaf = 0; leaf < p.size(); ++leaf) {
    INFO("leaf " << leaf << " (inputs first, then parameters)");
    const numbers& g = recorded.gradients[leaf];
    if (g.empty()) continue;
    const double size = std::max(1e-3, largest(g));
    for (const int e : probes(p[leaf])) {
      INFO("element " << e);
      numbers tangents = on_dual->infer(p, static_cast<int>(leaf), e).y_tangent;
      tangents.resize(dy.size());
      const double exact = dot(tangents, dy), found = g[static_cast<std::size_t>(e)];
      CHECK(std::abs(found - exact) <= of_dual_numbers * 10 * std::max(1.0, size) + of_dual_numbers * size);
      if (!differences) continue;
      const double h = 6e-6;
      law_point up = p, down = p;
      up[leaf][static_cast<std::size_t>(e)] += h, down[leaf][static_cast<std::size_t>(e)] -= h;
      const double slope = (dot(on_double->infer(up).y, dy) - dot(on_double->infer(down).y, dy)) / (2 * h);
      CHECK(std::abs(found - slope) <=
            differences->absolute + differences->relative * std::max({std::abs(found), std::abs(slope), size}));
    }
  }
}

// Recording equals inference, uses add up, values go out and in again, all memory comes back: on any back end.
inline void own_laws(law_runner& r, const law_point& p, const numbers& dy, double close) {
  const std::size_t before = r.bytes_in_use();
  const law_result inferred = r.infer(p), once = r.record(p, dy);
  CHECK(difference_of_bits(inferred.y, once.y) == "");
  CHECK(once.unused_rows_untouched);
  CHECK(difference_of_bits(inferred.y, r.infer_reloaded(p).y) == "");
  const law_result again = r.record(p, dy);
  const law_result two_uses = r.record(p, dy, law_mode::used_twice), two_runs = r.record(p, dy, law_mode::run_twice);
  for (std::size_t leaf = 0; leaf < p.size(); ++leaf) {
    INFO("leaf " << leaf);
    CHECK(difference_of_bits(once.gradients[leaf], again.gradients[leaf]) == "");
    CHECK(worst_error(two_uses.gradients[leaf], times(once.gradients[leaf], 2)) <= close);
    const bool parameter = leaf + r.entries().size() >= p.size();  // inputs are new in every run
    CHECK(worst_error(two_runs.gradients[leaf], times(once.gradients[leaf], parameter ? 2 : 1)) <= close);
  }
  CHECK(r.bytes_in_use() == before);
}

// The same values, and gradients but for the order of their sums.
inline void same_values(const law_result& a, const law_result& b, double close) {
  CHECK(difference_of_bits(a.y, b.y) == "");
  for (std::size_t leaf = 0; leaf < a.gradients.size(); ++leaf) {
    INFO("leaf " << leaf);
    CHECK(worst_error(a.gradients[leaf], b.gradients[leaf]) <= close);
  }
}
inline void same_bits(const law_result& a, const law_result& b) {
  CHECK(difference_of_bits(a.y, b.y) == "");
  for (std::size_t leaf = 0; leaf < a.gradients.size(); ++leaf) {
    INFO("leaf " << leaf);
    CHECK(difference_of_bits(a.gradients[leaf], b.gradients[leaf]) == "");
  }
}

// The processor against the reference; the same bits under 1, 2 and 3 threads; a sequence alone as within its batch.
inline void cpu_laws(const law_subject& s, const law_case& c, const law_point& p, const numbers& dy,
                     const law_result& expected, blip::cpu::options options, const tolerance& close) {
  options.threads = 2;
  const auto on_cpu = s.cpu(c, options);
  const law_result found = on_cpu->record(p, dy);
  CHECK(worst_error(found.y, expected.y) <= close.value);
  for (std::size_t leaf = 0; leaf < p.size(); ++leaf) {
    INFO("leaf " << leaf);
    CHECK(worst_error(found.gradients[leaf], expected.gradients[leaf]) <= close.gradient);
  }
  own_laws(*on_cpu, p, dy, close.gradient);
  for (const int threads : {1, 3}) {
    INFO(threads << " threads");
    options.threads = threads;
    same_bits(s.cpu(c, options)->record(p, dy), found);
  }
  if (c.output_split < 0) return;
  const law_layout& rows = at(c.layouts, c.output_split);
  for (int one = 0; one < rows.sequences(); ++one) {
    INFO("sequence " << one << " alone");
    law_point part = p;
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
      if (const int split = c.inputs[i].split; split >= 0) {
        const law_layout& l = at(c.layouts, split);
        part[i] = rows_of(p[i], c.inputs[i].width, l.begin(one), at(l.lengths, one));
      }
    const numbers by_itself = s.cpu(alone(c, one), options)->infer(part).y;
    CHECK(difference_of_bits(by_itself, rows_of(found.y, found.width, rows.begin(one), at(rows.lengths, one))) == "");
  }
}

inline void check_laws(const law_subject& s, const law_case& c,
                       std::optional<difference_tolerance> differences = of_one_op) {
  const auto oracle = s.reference(c);
  const law_point p = random_point(c, oracle->entries());
  const law_result shape = oracle->infer(p);
  numbers dy = random_numbers(static_cast<int>(shape.y.size()), 7);
  if (c.output_gaps) {
    const auto used = at(c.layouts, c.output_split).used(shape.rows);
    for (std::size_t i = 0; i < dy.size(); ++i)
      if (!used[i / static_cast<std::size_t>(shape.width)]) dy[i] = 0;
  }
  const law_result expected = oracle->record(p, dy);
  own_laws(*oracle, p, dy, same_double.gradient);
  pullback_law(s, c, p, dy, expected, differences);
  same_bits(s.fenced(c)->record(p, dy), expected);  // nothing peeks at device memory or waits for it
  cpu_laws(s, c, p, dy, expected, {.engine = blip::gemm_engine::eigen}, of_float);
  if (blip::cpu_engines::has_onednn()) cpu_laws(s, c, p, dy, expected, {.engine = blip::gemm_engine::onednn}, of_float);
}

// make.operator()<B>() gives the module, forward(tape, module, arguments) a tensor.
template <class Make, class Forward>
law_subject subject(Make make, Forward forward) {
  using blip::reference;
  return {[=](const law_case& c) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_bench<reference<double>, Make, Forward>>(c, make, forward, reference<double>::options{});
          },
          [=](const law_case& c) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_inference<reference<dual>, Make, Forward>>(c, make, forward, reference<dual>::options{});
          },
          [=](const law_case& c) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_bench<blip_test::fenced, Make, Forward>>(c, make, forward, blip_test::fenced::options{});
          },
          [=](const law_case& c, blip::cpu::options o) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_bench<blip::cpu, Make, Forward>>(c, make, forward, o);
          }};
}

// An op whose parameters are those of P.
template <class P = no_parameters, class Forward>
law_subject op(Forward forward) {
  return subject([]<class B>() { return P{}; }, forward);
}

}  // namespace blip_test
