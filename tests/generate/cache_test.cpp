// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/generate/beam_search.hpp"
#include "blip/generate/greedy.hpp"
#include "blip/generate/sample.hpp"
#include "generate/random_captioner.hpp"
#include "support/backends.hpp"

using namespace blip;
using namespace blip_test;
using namespace blip_test::decoding;

namespace {

template <class B>
using made_model = decoder_model<inference_tape<B>, text_transformer<everywhere, B>, lm_head<24, B>,
                                 projected_context<inference_tape<B>, 24>>;
static_assert(next_token_model<made_model<reference<double>>> && next_token_model<made_model<cpu>>);

}  // namespace

TEST_CASE("cache: every step has the bits of a pass over the whole text", "[generate]") {
  check_steps<everywhere, reference<double>>();
  check_steps<later, reference<double>>();
  for (const auto products : {precision::fp32, precision::bf16})
    for (const auto engine : {gemm_engine::eigen, gemm_engine::automatic}) {
      check_steps<everywhere, cpu>({.threads = 2, .engine = engine, .products = products});
      check_steps<later, cpu>({.threads = 1, .engine = engine, .products = products});
    }
}

TEMPLATE_LIST_TEST_CASE("decoder: a caption has the same bits in any batch, and beams read their picture", "[generate]",
                        test::golden_backends) {
  using B = TestType;
  random_captioner<everywhere, B> s(5);
  const token_rules rules{.stop = 2, .max_tokens = 12, .repetition_penalty = 1.2};
  const std::vector<std::vector<int>> prompts{{1, 5, 9}, {1}, {3, 3, 3, 3, 8}, {1, 5}, {1}};
  const auto of = [&](int first, int count, auto make) {
    auto t = s.tape();
    decoder_model model(t, (*s).text, (*s).head, s.context(t, first, count));
    return make(model, std::span(prompts).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                first);
  };
  const auto check = [&](auto make) {
    const generated_texts together = of(0, 5, make);
    for (int p = 0; p < 5; ++p) {
      const auto alone = of(p, 1, make)[0];
      REQUIRE(alone.size() == at(together, p).size());
      for (std::size_t i = 0; i < alone.size(); ++i) {
        CHECK(alone[i].tokens == at(together, p)[i].tokens);
        CHECK(alone[i].log_probability == at(together, p)[i].log_probability);
        CHECK(alone[i].score == at(together, p)[i].score);
      }
    }
    // The logits of a text by a pass over the whole of it give its log-probability.
    const generated& one = together[2][0];
    std::vector<int> ids = prompts[2];
    ids.insert(ids.end(), one.tokens.begin(), one.tokens.end() - 1);
    const auto rows = s.whole(ids, 2);
    double sum = 0;
    numbers scratch(words);
    for (std::size_t i = 0; i < one.tokens.size(); ++i) {
      const numbers& row = rows[prompts[2].size() - 1 + i];
      sum += at(row, one.tokens[i]) - log_sum_exp(std::span<const double>(row), std::span<double>(scratch));
    }
    CHECK(std::abs(sum - one.log_probability) < 1e-12);
    CHECK(together[1][0].tokens != together[4][0].tokens);  // one prompt, two pictures
  };
  check([&](auto& m, auto texts, int) { return greedy(m, texts, rules); });
  check([&](auto& m, auto texts, int) { return beam_search(m, texts, rules, {.beams = 4, .best = 3}); });
  check([&](auto& m, auto texts, int first) {
    std::vector<std::uint32_t> streams;
    for (std::size_t i = 0; i < texts.size(); ++i)
      streams.push_back(static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(i));
    return sample(m, texts, rules, {.filter = {.top_k = 9, .top_p = 0.9}, .samples = 3, .seed = 4, .streams = streams});
  });
}

TEST_CASE("decoder: several prompts may read one picture", "[generate]") {
  using B = reference<double>;
  random_captioner<everywhere, B> s(2);
  auto t = s.tape();
  const std::vector<int> reads{1, 0, 1};
  decoder_model model(t, (*s).text, (*s).head, s.context(t, 0, 2), reads);
  const std::vector<std::vector<int>> prompts{{1}, {1}, {4, 5}};
  const auto logits = model.start(prompts, 3, 4);
  for (int r = 0; r < 3; ++r)
    CHECK(difference_of_bits(row_of(logits, r), s.whole(at(prompts, r), at(reads, r)).back()) == "");
}

TEST_CASE("decoder: what does not fit is refused", "[generate]") {
  using B = reference<double>;
  random_captioner<everywhere, B> s(2);
  auto t = s.tape();
  decoder_model model(t, (*s).text, (*s).head, s.context(t, 0, 2));
  const std::vector<std::vector<int>> prompts{{1}, {4, 5}};
  CHECK_THROWS_AS(model.start(std::span(prompts).first(1), 1, 2), shape_error);  // two pictures
  CHECK_THROWS_AS(model.start(prompts, 2, longest), shape_error);                // one position too many
  CHECK_THROWS_AS(model.start(std::vector<std::vector<int>>{{1}, {words}}, 2, 2), shape_error);
  CHECK_THROWS_AS(decoder_model(t, (*s).text, (*s).head, s.context(t, 0, 2), std::vector<int>{2}), shape_error);
  model.start(prompts, 2, 2);
  CHECK_THROWS_AS(model.step(std::vector<int>{2}, std::vector<int>{1}), shape_error);  // no such parent
  model.start(prompts, 2, 2);
  CHECK_THROWS_AS(model.step(std::vector<int>{0, 0, 1}, std::vector<int>{1, 1, 1}),
                  shape_error);  // more rows than said
  model.start(prompts, 2, 2);
  CHECK_THROWS_AS(model.step(std::vector<int>{0}, std::vector<int>{words}), shape_error);
  model.start(prompts, 2, 2);
  model.step(std::vector<int>{0, 1}, std::vector<int>{1, 1});
  CHECK_THROWS_AS(model.step(std::vector<int>{0, 1}, std::vector<int>{1, 1}), shape_error);  // more tokens than said
}
