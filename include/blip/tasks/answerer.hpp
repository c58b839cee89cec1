// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/generate/rank_answers.hpp"
#include "blip/tasks/captioner.hpp"
#include "blip/tasks/chosen_pictures.hpp"
#include "blip/tasks/matcher.hpp"
#include "blip/tasks/sampler.hpp"
#include "blip/text/cleaning.hpp"

namespace blip::inline BLIP_ABI {

struct answerer_options {
  evaluation_view_options view{.height = 480, .width = 480};
  bool cleaned = true;  // questions, as the published code cleans them; transformers takes them as they are
  bool marked = true;   // BLIP's questions begin with [ENC] in place of [CLS]; transformers leaves them as they are
  int longest = 0;      // tokens of a question, [CLS] and [SEP] included; 0: as published, 35 for BLIP, any for ALBEF
  blip::sampler how = sampler::beam;
  token_rules rules{.max_tokens = 9};  // the stop id is the tokenizer's [SEP], whatever stands here
  beam_options beam{};
  token_filter filter{};                     // of samples
  std::uint64_t seed = 0;                    // of samples
  int samples = 1;                           // of each question; of beams, `beam.best`
  std::optional<ranking_options> ranking{};  // none: as published, see ranking_options
  int candidates = 128;                      // answers of one question that are scored in one pass
  int batch = 16;                            // questions in one pass

  void follow(const profile_rules& r, bool of_albef) {
    cleaned = r.cleaned_questions, marked = r.marked_questions, beam.rule = r.beams;
    ranking = of_albef ? r.albef_answers : ranking_options{};
  }
};

// One generated answer, best first where there are several.
struct answer_result {
  std::string text;  // without special tokens
  generated details;
};

// One answer of a given list.
struct answer_choice {
  std::string text;
  ranked_answer details;
};

// Answers questions about pictures, for a model that was trained with `answer_list`: its encoder reads question and
// picture, its decoder the states of all the question's tokens. Answers are generated, or chosen from a list. Holds
// references: model and values must outlive it. Several threads may share one, each with a device of its own. An answer
// depends on its question and picture, and a sampled one on seed and stream as well, not on its batch.
// Source: BLIP `blip_vqa.py`, ALBEF `model_vqa.py` (which only ranks; its decoder generates in the same way).
template <class Model>
class answerer {
  static_assert(detail::loss_of<Model>("vqa") < Model::loss_count,
                "blip::answerer: the model was not made to answer; answer_list is not among its losses");

 public:
  using B = typename Model::backend_type;
  static constexpr bool of_albef = Model::towers_type::fuses_states;

  answerer(const Model& model, const arena<B>& values, wordpiece tokens, answerer_options o = {})
      : model_(model), values_(values), tokens_(std::move(tokens)), o_(std::move(o)) {
    if (o_.batch < 1 || o_.candidates < 1)
      throw config_error({"answerer: batch and candidates",
                          "1 or more",
                          std::to_string(o_.batch) + " and " + std::to_string(o_.candidates),
                          {}});
    if (!o_.ranking) o_.ranking = of_albef ? rules_of(profile::official).albef_answers : ranking_options{};
    if (o_.longest == 0 && !of_albef) o_.longest = 35;
    o_.rules.stop = tokens_.closing();
    start_ = of_albef ? tokens_.opening() : tokens_.id("[DEC]");
    if (!of_albef && o_.marked) question_token_ = tokens_.id("[ENC]");
  }

  const answerer_options& options() const { return o_; }

  // Generated answers to each question. `of` holds the number of each question's picture; none: question i is about
  // picture i. Within a batch a picture is seen once, so questions about one should be neighbours. `streams` number the
  // questions for the samples' random numbers, by their lower 32 bits; none: 0, 1, 2, ... When `observe` gives false
  // everything stops: answers are what they are by then, and questions that were not begun have none. Throws
  // shape_error, config_error for options that contradict the model.
  std::vector<std::vector<answer_result>> operator()(device<B>& d, std::span<const image> pictures,
                                                     std::span<const std::string> questions,
                                                     std::span<const int> of = {},
                                                     std::span<const std::uint64_t> streams = {},
                                                     generation_observer observe = unobserved) const {
    if (!streams.empty()) require_equal("answerer", "streams", std::ssize(streams), std::ssize(questions));
    std::vector<std::vector<answer_result>> out;
    each_batch(d, pictures, questions, of, [&](std::size_t at, std::size_t n, auto& t, const auto& states) {
      bool wanted = true;
      const auto told = [&](generation_progress p) {
        p.sequence += static_cast<int>(at);
        return wanted = observe(p);
      };
      const auto& decoder = model_.towers().decoder();
      decoder_model next(t, decoder.text, decoder.head, states);
      const std::vector<std::vector<int>> prompts(n, std::vector<int>{start_});
      for (const std::vector<generated>& texts : make_texts(next, prompts, o_, streams_of(streams, at, n), told)) {
        std::vector<answer_result>& mine = out.emplace_back();
        for (const generated& g : texts) mine.push_back({tokens_.decode(g.tokens), g});
      }
      return wanted;
    });
    out.resize(questions.size());
    return out;
  }

  // The answers of a list, best first, for each question: those of the shortlist. Throws shape_error for an empty list.
  std::vector<std::vector<answer_choice>> rank(device<B>& d, std::span<const image> pictures,
                                               std::span<const std::string> questions,
                                               std::span<const std::string> answers,
                                               std::span<const int> of = {}) const {
    if (answers.empty() || o_.ranking->shortlist < 1)
      throw shape_error({"answerer: answers and shortlist",
                         "at least one each",
                         std::to_string(answers.size()) + " and " + std::to_string(o_.ranking->shortlist),
                         {}});
    std::vector<std::vector<int>> ids;
    for (const std::string& a : answers) {
      ids.push_back(tokens_.encode(tokens_.closes() ? a : a + "[SEP]"));  // ALBEF's tokenizer does not close texts
      ids.back().erase(ids.back().begin());  // every answer begins with the start token: the prompt
    }
    std::vector<std::vector<answer_choice>> out;
    each_batch(d, pictures, questions, of, [&](std::size_t, std::size_t n, auto& t, const auto& states) {
      const auto& decoder = model_.towers().decoder();
      const std::vector<std::vector<int>> prompts(n, std::vector<int>{start_});
      decoder_model first(t, decoder.text, decoder.head, states);
      const auto logits = first.start(prompts, static_cast<int>(n), 1);
      for (int q = 0; q < static_cast<int>(n); ++q) {
        std::vector<answer_choice>& mine = out.emplace_back();
        for (const ranked_answer& a : score(t, states, q, shortlist(logits.row(q), ids), ids))
          mine.push_back({answers[static_cast<std::size_t>(a.answer)], a});
      }
      return true;
    });
    return out;
  }

 private:
  // Calls f(number of the first question, count, tape, the decoder's context) until it gives false.
  template <class F>
  void each_batch(device<B>& d, std::span<const image> pictures, std::span<const std::string> questions,
                  std::span<const int> of, F f) const {
    require_equal("answerer", of.empty() ? "pictures of the questions" : "numbers of pictures of the questions",
                  std::ssize(of) + (of.empty() ? std::ssize(pictures) : 0), std::ssize(questions));
    const auto& towers = model_.towers();
    std::vector<std::vector<int>> ids;
    for (const std::string& q : questions)
      ids.push_back(
          tokens_.encode(o_.cleaned ? clean_question(of_albef ? cleaning::albef : cleaning::blip, q) : q, o_.longest));
    bool wanted = true;
    for (std::size_t at = 0; at < questions.size() && wanted; at += static_cast<std::size_t>(o_.batch)) {
      const std::size_t n = std::min(questions.size() - at, static_cast<std::size_t>(o_.batch));
      std::vector<int> reads;
      for (std::size_t i = at; i < at + n; ++i) reads.push_back(of.empty() ? static_cast<int>(i) : of[i]);
      const chosen_pictures chosen(pictures, reads);
      inference_tape<B> t(d, values_);
      const seen_pictures seen(t, towers, std::span<const image>(chosen.pictures), o_.view);
      const text_batch<B> asked(std::span<const std::vector<int>>(ids).subspan(at, n), model_.vocabulary(),
                                question_token_);
      const buffer<B, int> source{std::span<const int>(chosen.source)};
      const auto states =
          towers.multimodal(t, asked.ids(), asked.layout(), towers.project(t, seen.rows), source.data());
      wanted = f(at, n, t, towers.project_states(t, states, asked.layout(), true));
    }
  }

  // The answers whose first token is likeliest, of equal ones the first in the list; then those that begin alike next
  // to each other, so that a part of them shares most of its beginnings.
  template <class S>
  std::vector<int> shortlist(const S* first_logits, std::span<const std::vector<int>> ids) const {
    const auto first = [&](int a) { return first_logits[ids[static_cast<std::size_t>(a)][0]]; };
    std::vector<int> kept;
    for (int a = 0; a < static_cast<int>(ids.size()); ++a) kept.push_back(a);
    std::stable_sort(kept.begin(), kept.end(), [&](int a, int b) { return first(a) > first(b); });
    kept.resize(std::min(kept.size(), static_cast<std::size_t>(o_.ranking->shortlist)));
    std::stable_sort(kept.begin(), kept.end(),
                     [&](int a, int b) { return ids[static_cast<std::size_t>(a)] < ids[static_cast<std::size_t>(b)]; });
    return kept;
  }

  // Answers `kept` to question q of a batch in parts of o_.candidates, which bounds caches and logits; a score has the
  // same bits in any part.
  template <class T, class C>
  std::vector<ranked_answer> score(T& t, const C& states, int q, std::span<const int> kept,
                                   std::span<const std::vector<int>> ids) const {
    const auto& decoder = model_.towers().decoder();
    const std::vector<std::vector<int>> prompt{{start_}};
    std::vector<ranked_answer> out;
    decoder_model one(t, decoder.text, decoder.head, states, std::span<const int>(&q, 1));
    for (std::size_t at = 0; at < kept.size(); at += static_cast<std::size_t>(o_.candidates)) {
      const auto part = kept.subspan(at, std::min(kept.size() - at, static_cast<std::size_t>(o_.candidates)));
      std::vector<std::vector<int>> answers;
      for (const int a : part) answers.push_back(ids[static_cast<std::size_t>(a)]);
      ranking_options all = *o_.ranking;
      all.shortlist = static_cast<int>(part.size());
      const auto ranked = rank_answers(one, prompt, answers, all);
      for (ranked_answer a : ranked[0]) {
        a.answer = part[static_cast<std::size_t>(a.answer)];
        out.push_back(a);
      }
    }
    std::sort(out.begin(), out.end(), [](const ranked_answer& a, const ranked_answer& b) {
      return a.score != b.score ? a.score > b.score : a.answer < b.answer;
    });
    return out;
  }

  const Model& model_;
  const arena<B>& values_;
  wordpiece tokens_;
  answerer_options o_;
  int start_ = 0, question_token_ = -1;
};

}  // namespace blip::inline BLIP_ABI
