// SPDX-License-Identifier: Apache-2.0
#include "blip/backend/cpu.hpp"
#include "blip/backend/reference.hpp"
#include "blip/generate/beam_search.hpp"
#include "blip/generate/decoder_model.hpp"
#include "blip/generate/greedy.hpp"
#include "blip/generate/sample.hpp"
#include "blip/layers/lm_head.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/text_transformer.hpp"
#include "support/backends.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr int words = 31, longest = 23;
constexpr text_config everywhere{.width = 24, .heads = 3, .hidden = 40, .context = 20, .cross = cross_schedule::all};
constexpr text_config later{.width = 24, .heads = 3, .hidden = 40, .context = 20, .cross = cross_schedule::from_layer};

template <text_config C, class B>
struct captioner {
  text_transformer<C, B> text{{.layers = 3,
                               .cross_from = 1,
                               .embedding = {.vocabulary = words, .positions = longest, .norm_eps = 1e-5},
                               .norm_eps = 1e-5}};
  lm_head<24, B> head{words};

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("text", self.text), f("head", self.head);
  }
};

// A captioner of random weights with the states of some pictures of 7 rows.
template <text_config C, class B>
class subject {
 public:
  using S = typename B::scalar;

  explicit subject(int pictures, typename B::options o = {}) : dev(o) {
    // Larger weights than those of a fresh model, for texts that differ.
    std::uint64_t seed = 100;
    for (const auto& entry : model_.values().layout()->entries()) {
      const double reach = entry.rows > 1 ? 0.9 : 0.1,
                   middle = entry.rows == 1 && entry.name.ends_with("weight") ? 1 : 0;
      std::vector<S> v;
      for (const double x : random_numbers(static_cast<int>(entry.size()), ++seed, middle - reach, middle + reach))
        v.push_back(static_cast<S>(x));
      model_.values().write(entry, v);
    }
    std::vector<S> states;
    for (const double x : random_numbers(pictures * 7 * 20, 5)) states.push_back(static_cast<S>(x));
    states_ = buffer<B, S>(std::span<const S>(states));
  }

  inference_tape<B> tape() { return model_.inference(dev); }
  const captioner<C, B>& operator*() const { return *model_; }

  // What texts read: `count` pictures from number `first` on.
  template <class T>
  auto context(T& t, int first, int count) const {
    const auto rows = t.template input<20>({states_.data() + first * 140, count * 7, 20, 20, nullptr});
    return model_->text.project(t, rows, sequence_layout::uniform(count, 7));
  }

  // The logits after each id of one text, by a pass over the whole text.
  std::vector<numbers> whole(const std::vector<int>& ids, int picture) {
    auto t = tape();
    const text_batch<B> text(std::vector<std::vector<int>>{ids}, words);
    const auto states = model_->text.multimodal(t, text.ids(), text.layout(), context(t, picture, 1), nullptr, true);
    const auto all = to_host(model_->head.forward(t, states, model_->text.words()));
    std::vector<numbers> rows;
    for (std::size_t r = 0; r < ids.size(); ++r)
      rows.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(r * words),
                        all.begin() + static_cast<std::ptrdiff_t>((r + 1) * words));
    return rows;
  }

  device<B> dev;

 private:
  owned<captioner<C, B>, B> model_{7};
  buffer<B, S> states_;
};

template <class S>
numbers row_of(const matrix_view<const S>& m, int r) {
  return {m.row(r), m.row(r) + m.width};
}

// Follows random parents through many steps and compares every row with a pass over its whole text.
template <text_config C, class B>
void check_steps(typename B::options options = {}) {
  subject<C, B> s(4, options);
  auto t = s.tape();
  decoder_model model(t, (*s).text, (*s).head, s.context(t, 0, 4));
  std::vector<std::vector<int>> texts{{1, 5, 9}, {2}, {3, 3, 3, 3, 8}, {1, 5}};
  std::vector<int> picture{0, 1, 2, 3};
  auto logits = model.start(texts, 9, longest - 4);
  for (int step = 0; step < 13; ++step) {
    REQUIRE(logits.rows == static_cast<int>(texts.size()));
    for (int r = 0; r < logits.rows; ++r)
      CHECK(difference_of_bits(row_of(logits, r), s.whole(at(texts, r), at(picture, r)).back()) == "");
    std::vector<int> parents, tokens, next_picture;
    std::vector<std::vector<int>> next;
    const int rows = 1 + (step * 5 + 3) % 9;
    for (int r = 0; r < rows; ++r) {
      const int parent = (r * r + step * 7) % static_cast<int>(texts.size());
      parents.push_back(parent), tokens.push_back((r * 11 + step * 3) % words);
      next.push_back(at(texts, parent)), next.back().push_back(tokens.back());
      next_picture.push_back(at(picture, parent));
    }
    texts = next, picture = next_picture;
    logits = model.step(parents, tokens);
  }
}

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
  subject<everywhere, B> s(5);
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
  subject<everywhere, B> s(2);
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
  subject<everywhere, B> s(2);
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
