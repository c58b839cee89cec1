// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "blip/generate/log_sum_exp.hpp"
#include "blip/generate/next_token_model.hpp"

namespace blip::inline BLIP_ABI {

struct ranking_options {
  int shortlist = 128;     // answers whose first token is likeliest are scored in full; a shorter list is all taken
  double smoothing = 0.1;  // of the labels, as in training. BLIP: 0.1; ALBEF: 0
  bool first_token_twice = false;  // ALBEF: the first token's log-probability is added to a sum that holds it already
};

struct ranked_answer {
  int answer = 0;                // number in the list
  double first_probability = 0;  // of its first token
  double log_probability = 0;    // of its tokens, smoothed
  double score = 0;              // what answers are ranked by
};

namespace detail {

// Log-probability of a token with smoothed labels: (1 - e) log p(token) + e mean_c log p(c).
struct smoothed_row {
  double all = 0, mean = 0;  // log sum exp, and mean, of the logits
  double of(double logit, double smoothing) const {
    return (1 - smoothing) * logit + (smoothing > 0 ? smoothing * mean : 0) - all;
  }
};

template <class S>
smoothed_row smoothed_row_of(std::span<const S> logits, std::span<double> x) {
  smoothed_row r;
  r.all = log_sum_exp(logits, x);
  r.mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  return r;
}

}  // namespace detail

// For each prompt (question) the answers of the shortlist, best first; of equal ones the first in the list. Answers
// hold neither the prompt nor padding, but the stop id if it counts. Answers that begin alike are computed once as far
// as they do: each step of the model has a row for every distinct beginning, of all prompts together. Throws
// shape_error for an empty list or answer. Source: `rank_answer` of ALBEF's and BLIP's question answering models.
template <next_token_model M>
std::vector<std::vector<ranked_answer>> rank_answers(M& model, std::span<const std::vector<int>> prompts,
                                                     std::span<const std::vector<int>> answers,
                                                     const ranking_options& options = {}) {
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  std::size_t longest = 0;
  for (std::size_t a = 0; a < answers.size(); ++a) {
    longest = std::max(longest, answers[a].size());
    for (const int id : answers[a])
      if (id < 0 || id >= model.vocabulary())
        throw shape_error({"rank_answers: id of answer " + std::to_string(a),
                           "0 to " + std::to_string(model.vocabulary() - 1),
                           std::to_string(id),
                           {}});
    if (answers[a].empty())
      throw shape_error({"rank_answers: answer " + std::to_string(a), "at least one id", "none", {}});
  }
  if (answers.empty() || options.shortlist < 1)
    throw shape_error({"rank_answers: answers and shortlist",
                       "at least one each",
                       std::to_string(answers.size()) + " and " + std::to_string(options.shortlist),
                       {}});
  std::vector<std::vector<ranked_answer>> out(prompts.size());
  if (prompts.empty()) return out;

  const int kept = std::min(options.shortlist, static_cast<int>(answers.size()));
  std::vector<double> x(size(model.vocabulary()));
  const auto row_of = [&](const auto& logits, int r) { return std::span(logits.row(r), x.size()); };
  // The first token: every answer is judged by it, the likeliest go on.
  auto logits = model.start(prompts, static_cast<int>(prompts.size()) * kept, static_cast<int>(longest));
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    const detail::smoothed_row row = detail::smoothed_row_of(row_of(logits, static_cast<int>(p)), std::span<double>(x));
    for (std::size_t a = 0; a < answers.size(); ++a) {
      const double logit = x[size(answers[a][0])], log_first = logit - row.all;
      out[p].push_back({static_cast<int>(a), std::exp(log_first), row.of(logit, options.smoothing),
                        options.first_token_twice ? log_first : 0});
    }
    std::stable_sort(out[p].begin(), out[p].end(), [](const ranked_answer& a, const ranked_answer& b) {
      return a.first_probability > b.first_probability;
    });
    out[p].resize(size(kept));
    // Answers that begin alike next to each other.
    std::sort(out[p].begin(), out[p].end(), [&](const ranked_answer& a, const ranked_answer& b) {
      const auto &left = answers[size(a.answer)], &right = answers[size(b.answer)];
      return left != right ? left < right : a.answer < b.answer;
    });
  }

  // The rest, one token of all answers a step; row_at[p][i]: the row that continues answer i of prompt p.
  std::vector<std::vector<int>> row_at(prompts.size());
  for (std::size_t p = 0; p < prompts.size(); ++p) row_at[p].assign(out[p].size(), static_cast<int>(p));
  std::vector<int> parents, tokens;
  for (std::size_t place = 1; place < longest; ++place) {
    parents.clear(), tokens.clear();
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      const std::vector<int>* before = nullptr;
      for (std::size_t i = 0; i < out[p].size(); ++i) {
        const std::vector<int>& answer = answers[size(out[p][i].answer)];
        if (answer.size() <= place) continue;
        const auto end = [place](const std::vector<int>& v) { return v.begin() + static_cast<std::ptrdiff_t>(place); };
        if (!before || !std::equal(before->begin(), end(*before), answer.begin()))
          parents.push_back(row_at[p][i]), tokens.push_back(answer[place - 1]);
        before = &answer;
        row_at[p][i] = static_cast<int>(parents.size()) - 1;
      }
    }
    if (parents.empty()) break;
    logits = model.step(parents, tokens);
    int row = -1;
    detail::smoothed_row at;
    for (std::size_t p = 0; p < prompts.size(); ++p)
      for (std::size_t i = 0; i < out[p].size(); ++i) {
        const std::vector<int>& answer = answers[size(out[p][i].answer)];
        if (answer.size() <= place) continue;
        if (row != row_at[p][i])  // rows come in order
          at = detail::smoothed_row_of(row_of(logits, row = row_at[p][i]), std::span<double>(x));
        out[p][i].log_probability += at.of(x[size(answer[place])], options.smoothing);
      }
  }
  for (std::vector<ranked_answer>& all : out) {
    for (ranked_answer& a : all) a.score += a.log_probability;
    std::stable_sort(all.begin(), all.end(), [](const ranked_answer& a, const ranked_answer& b) {
      return a.score != b.score ? a.score > b.score : a.answer < b.answer;
    });
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
