// SPDX-License-Identifier: Apache-2.0
#pragma once

// Found in place of tests/support/laws.hpp when the tests of ops and layers are compiled for a GPU, emulated or not: the
// same cases, held against the reference on back end `cuda`, under three orders of warps and blocks.
#include "blip/backend/cpu.hpp"
#include "blip/backend/cuda.hpp"
#include "blip/backend/reference.hpp"
#include "support/catch.hpp"
#include "support/law_bench.hpp"
#include "support/simt/simt.hpp"
#include "support/tolerance.hpp"

// The laws themselves and random points are those of the processor's header; what names back ends is not.
#define law_subject processor_law_subject
#define check_laws processor_check_laws
#define subject processor_subject
#define op processor_op
#include "../../../support/laws.hpp"
#undef law_subject
#undef check_laws
#undef subject
#undef op

namespace blip_test {

struct law_subject {
  law_factory reference, dual;
  // What a test asks of the processor, it gets of the emulated GPU.
  std::function<std::unique_ptr<law_runner>(const law_case&, blip::cpu::options)> cpu;
};

inline law_result in_order(std::uint64_t seed, law_runner& r, const law_point& p, const numbers& dy) {
  simt::run_options().seed = seed;
  law_result found = r.record(p, dy);
  simt::run_options().seed = 0;
  return found;
}

inline void check_laws_in(blip::precision products, const tolerance& close, const law_subject& s, const law_case& c) {
  const blip::cpu::options options{.products = products};
  const auto oracle = s.reference(c), on_gpu = s.cpu(c, options);
  const law_point p = random_point(c, oracle->entries());
  const law_result shape = oracle->infer(p);
  numbers dy = random_numbers(static_cast<int>(shape.y.size()), 7);
  if (c.output_gaps) {
    const auto used = at(c.layouts, c.output_split).used(shape.rows);
    for (std::size_t i = 0; i < dy.size(); ++i)
      if (!used[i / static_cast<std::size_t>(shape.width)]) dy[i] = 0;
  }
  const law_result expected = oracle->record(p, dy), found = in_order(0, *on_gpu, p, dy);
  CHECK(worst_error(found.y, expected.y) <= close.value);
  for (std::size_t leaf = 0; leaf < p.size(); ++leaf) {
    INFO("leaf " << leaf);
    CHECK(worst_error(found.gradients[leaf], expected.gradients[leaf]) <= close.gradient);
  }
  for (const std::uint64_t seed : {1u, 2u}) {
    INFO("order " << seed);
    same_bits(in_order(seed, *on_gpu, p, dy), found);
  }
  own_laws(*on_gpu, p, dy, close.gradient);
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
    const numbers in_batch = rows_of(found.y, found.width, rows.begin(one), at(rows.lengths, one));
    if (simt::rows_keep_their_bits)
      CHECK(difference_of_bits(by_itself, in_batch) == "");
    else
      CHECK(worst_error(by_itself, in_batch) <= close.value);
  }
}
inline void check_laws(const law_subject& s, const law_case& c, std::optional<difference_tolerance> = {}) {
  check_laws_in(blip::precision::fp32, of_float, s, c);
}
// With products of bf16.
inline void check_rounded_laws(const law_subject& s, const law_case& c) {
  check_laws_in(blip::precision::bf16, of_bf16, s, c);
}

template <class Make, class Forward>
law_subject subject(Make make, Forward forward) {
  using blip::reference;
  return {[=](const law_case& c) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_bench<reference<double>, Make, Forward>>(c, make, forward,
                                                                                 reference<double>::options{});
          },
          [=](const law_case& c) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_inference<reference<dual>, Make, Forward>>(c, make, forward,
                                                                                   reference<dual>::options{});
          },
          [=](const law_case& c, const blip::cpu::options& o) -> std::unique_ptr<law_runner> {
            return std::make_unique<law_bench<blip::cuda, Make, Forward>>(c, make, forward,
                                                                          blip::cuda::options{.products = o.products});
          }};
}

template <class P = no_parameters, class Forward>
law_subject op(Forward forward) {
  return subject([]<class B>() { return P{}; }, forward);
}

}  // namespace blip_test
