// SPDX-License-Identifier: Apache-2.0
#include "blip/autograd/checkpoint.hpp"
#include "blip/layers/attention.hpp"
#include "blip/layers/transformer_block.hpp"
#include "blip/ops/first_rows.hpp"
#include "support/laws.hpp"

using namespace blip_test;
using namespace blip;

namespace {

constexpr block_options noisy{.norm_eps = 1e-5, .dropout = 0.1f, .attention_dropout = 0.1f, .drop_path = 0.2f};
const law_case packed{.inputs = {{7, 12, 0}}, .layouts = {law_layout::packed({3, 4})}, .output_split = 0};
const law_case stochastic{.inputs = {{7, 12, 0}}, .layouts = {law_layout::packed({3, 4})}, .output_split = 0,
                          .tape = {.stochastic = true, .seed = 11}};
const law_case crossing{.inputs = {{7, 12, 0}, {9, 8, 1}}, .layouts = {law_layout::packed({3, 4}), law_layout::packed({2, 7})},
                        .output_split = 0, .tape = {.stochastic = true, .seed = 11}};

constexpr block_config reads_context{.width = 12, .heads = 3, .hidden = 20, .context = 8, .norm = norm_order::after};

template <block_config C>
law_subject block(bool causal) {
  return subject([]<class B>() { return transformer_block<C, B>(noisy); }, [causal](auto& t, const auto& m, const auto& a) {
    return m.forward(t, a.x(0, w<12>), a.layout(0), causal).ref();
  });
}

}  // namespace

TEST_CASE("attention obeys the laws", "[layers]") {
  check_laws(subject([]<class B>() { return attention<attention_config{.width = 12, .heads = 3}, B>(); },
                     [](auto& t, const auto& m, const auto& a) { return m.forward(t, a.x(0, w<12>), a.layout(0), true).ref(); }),
             packed);
  check_laws(subject([]<class B>() { return attention<attention_config{.width = 12, .heads = 3, .context = 8}, B>(0.1f); },
                     [](auto& t, const auto& m, const auto& a) {
                       return m.read(t, a.x(0, w<12>), m.project(t, a.x(1, w<8>)), a.layout(0), a.layout(1)).ref();
                     }),
             crossing);
}

TEST_CASE("a block with its norms before or after obeys the laws", "[layers]") {
  check_laws(block<block_config{.width = 12, .heads = 3, .hidden = 20}>(false), stochastic, of_a_tower);
  check_laws(block<block_config{.width = 12, .heads = 3, .hidden = 20, .norm = norm_order::after}>(true),
             stochastic, of_a_tower);
}

TEST_CASE("a block with cross-attention obeys the laws", "[layers]") {
  check_laws(subject([]<class B>() { return transformer_block<reads_context, B>(noisy); }, [](auto& t, const auto& m, const auto& a) {
    using tape = std::decay_t<decltype(t)>;
    const auto projected = m.project(t, a.x(1, w<8>));
    return m.forward(t, a.x(0, w<12>), a.layout(0), true, cross_input<tape, 12>{projected, a.layout(1)}).ref();
  }), crossing, of_a_tower);
}

TEST_CASE("a checkpointed block has the same bits as a kept one", "[layers]") {
  const auto run = [](bool again) {
    return subject([]<class B>() { return transformer_block<block_config{.width = 12, .heads = 3, .hidden = 20}, B>(noisy); },
                   [again](auto& t, const auto& m, const auto& a) {
                     const auto body = [&m, layout = a.layout(0)](auto& on, const auto& x) { return m.forward(on, x, layout); };
                     return (again ? checkpoint(t, a.x(0, w<12>), body) : body(t, a.x(0, w<12>))).ref();
                   });
  };
  check_laws(run(true), stochastic, std::nullopt);
  const auto kept = run(false).cpu(stochastic, {}), recomputed = run(true).cpu(stochastic, {});
  const law_point p = random_point(stochastic, kept->entries());
  const numbers dy = random_numbers(84, 3);
  same_bits(kept->record(p, dy), recomputed->record(p, dy));
}

namespace {

// What `first` gives are the first rows of what `all` gives, [sequences, 12]: the same bits, and gradients but for the
// order of sums.
void first_rows_law(const law_subject& first, const law_subject& all, const law_case& c) {
  check_laws(first, c, of_a_tower);
  const auto some = first.cpu(c, {}), whole = all.cpu(c, {});
  const law_point p = random_point(c, whole->entries());
  const numbers dy = random_numbers(12 * c.layouts[0].sequences(), 3);
  same_values(some->record(p, dy), whole->record(p, dy), of_float.gradient);
}

template <block_config C>
law_subject first_of_block(bool alone) {
  return subject([]<class B>() { return transformer_block<C, B>(noisy); }, [alone](auto& t, const auto& m, const auto& a) {
    const auto run = [&](const auto&... reads) {
      return alone ? m.forward_first(t, a.x(0, w<12>), a.layout(0), reads...)
                   : ops::first_rows(t, m.forward(t, a.x(0, w<12>), a.layout(0), false, reads...), a.layout(0));
    };
    if constexpr (C.context > 0) {
      const auto projected = m.project(t, a.x(1, w<8>));
      return run(cross_input<std::decay_t<decltype(t)>, 12>{projected, a.layout(1)}).ref();
    } else {
      return run().ref();
    }
  });
}

template <block_config C>
void first_of_block_law(law_case c) {
  c.output_split = -1;
  first_rows_law(first_of_block<C>(true), first_of_block<C>(false), c);
}

}  // namespace

TEST_CASE("a block gives first rows alone as among all", "[layers]") {
  first_of_block_law<block_config{.width = 12, .heads = 3, .hidden = 20}>(
      {.inputs = {{9, 12}}, .layouts = {law_layout::equal(3, 3)}, .tape = {.stochastic = true, .seed = 11}});
  first_of_block_law<reads_context>(crossing);
}
