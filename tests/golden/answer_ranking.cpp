// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "answerer_case.hpp"
#include "blip/generate/decoder_model.hpp"
#include "blip/generate/rank_answers.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

// Losses are not computed, but a model is a list of them.
using list_loss = std::conditional_t<golden::albef, answer_list<teacher::momentum>, answer_list<>>;
// What the families' cases call by different names.
const std::string run = golden::albef ? "rank." : "";
constexpr const char* first_of_shortlist = golden::albef ? "shortlist_probs" : "topk_probabilities";
constexpr const char* shortlist = golden::albef ? "shortlist_ids" : "topk_answer_index";

}  // namespace

TEMPLATE_LIST_TEST_CASE("answers are ranked as by the published code", "[golden][generate]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  const golden::test_case<S> g{std::string(c::directory)};
  owned<golden::answerer_of<B>, B> model(1, golden::answerer_options(), list_loss{});
  g.load(model.values());
  device<B> dev;
  const auto& towers = model->towers();
  auto t = model.inference(dev);
  const auto n = static_cast<std::size_t>(g.inputs.shape("images")[0]);
  const auto pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  const auto pictures = towers.images(
      t, golden::images_of(t, picture_batch<B>{pixels.data(), static_cast<int>(n), 3, c::image_size, c::image_size}));
  const auto texts = [&](const std::string& of, std::size_t count) {
    return golden::texts_of(g.inputs.template read<int>(of + golden::ids), g.inputs.template read<int>(of + golden::mask), count);
  };
  const golden::packing rows(g.inputs.template read<int>(std::string("question") + golden::mask), static_cast<int>(n));
  const text_batch<B> questions(texts("question", n), towers.vocabulary(), golden::albef ? -1 : c::enc_id);
  const auto states = towers.multimodal(t, questions.ids(), questions.layout(), towers.project(t, pictures), nullptr);
  const std::string question_states = g.expected.has(run + "question_states") ? run + "question_states"
                                      : golden::albef                         ? "train.question_states"
                                                                              : "question_states";
  g.compare(question_states, rows.unpack(to_host(states), c::text_hidden), "outputs", rows.used);

  // Answers begin with the start id, which is every question's prompt.
  const std::string list = golden::albef ? "rank.answer_list" : "answer";
  const auto candidates = static_cast<std::size_t>(g.inputs.shape(list + golden::ids)[0]);
  std::vector<std::vector<int>> answers = texts(list, candidates);
  const std::vector<std::vector<int>> prompts(n, {answers[0][0]});
  for (std::vector<int>& a : answers) a.erase(a.begin());
  const auto& d = towers.decoder();
  decoder_model answerer(t, d.text, d.head, towers.project_states(t, states, questions.layout()));
  const auto logits = answerer.start(prompts, static_cast<int>(n), 1);
  g.compare(run + (golden::albef ? "first_token_logits" : "first_step_logits"),
            std::vector<S>(logits.data, logits.data + logits.rows * logits.width), "outputs");

  const ranking_options options{
      .shortlist = c::k_test, .smoothing = golden::albef ? 0 : c::label_smoothing, .first_token_twice = golden::albef};
  const auto ranked = rank_answers(answerer, prompts, answers, options);
  const std::size_t k = static_cast<std::size_t>(g.expected.shape(run + shortlist)[1]);
  const auto kept = g.expected.template read<int>(run + shortlist);
  std::vector<S> probabilities, sums;
  for (std::size_t q = 0; q < n; ++q) {
    REQUIRE(ranked[q].size() == k);
    std::vector<S> first;
    for (const ranked_answer& a : ranked[q]) first.push_back(static_cast<S>(a.first_probability));
    std::sort(first.rbegin(), first.rend());
    probabilities.insert(probabilities.end(), first.begin(), first.end());
    for (std::size_t i = 0; i < k; ++i) {
      const auto found =
          std::find_if(ranked[q].begin(), ranked[q].end(), [&](const auto& a) { return a.answer == kept[q * k + i]; });
      REQUIRE(found != ranked[q].end());
      sums.push_back(static_cast<S>(golden::albef ? found->score : found->log_probability));
    }
  }
  g.compare(run + first_of_shortlist, probabilities, "outputs");
  if constexpr (golden::albef) {
    g.compare("rank.candidate_log_score", sums, "outputs");
    std::vector<int> order;
    std::vector<S> softmax;
    for (const auto& all : ranked) {
      double sum = 0;
      for (const ranked_answer& a : all) sum += std::exp(a.score);
      for (const ranked_answer& a : all)
        order.push_back(a.answer), softmax.push_back(static_cast<S>(std::exp(a.score) / sum));
    }
    CHECK(order == g.expected.template read<int>("rank.topk_ids"));
    g.compare("rank.topk_probs", softmax, "outputs");
  } else {
    g.compare("topk_log_prob_sum", sums, "outputs");
    const auto best = g.expected.template read<int>("best_answer_index");
    for (std::size_t q = 0; q < n; ++q) CHECK(ranked[q][0].answer == best[q]);
  }
}
