// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/eval/vqa_answer.hpp"

namespace blip::inline BLIP_ABI {

// The accuracy of one answer against those of people (ten, in VQA v2): for each of them, with that one left out,
//   min(1, matches / 3),
// and the mean. The answer is normalised; human answers lose their punctuation, and only when they are not all the
// same. Throws shape_error without a human answer, format_error for what is not UTF-8. Source: Antol et al. 2015, 3;
// vqaEval.py of the VQA v2 evaluation.
inline double vqa_accuracy(std::string_view answer, std::span<const std::string> human) {
  if (human.empty()) throw shape_error({"vqa_accuracy: human answers", "at least one", "none", {}});
  const bool all_same = std::all_of(human.begin(), human.end(), [&](const std::string& h) { return h == human[0]; });
  const std::string mine = normalize_answer(answer);
  std::vector<char> agrees;
  for (const std::string& h : human) agrees.push_back(mine == (all_same ? h : strip_punctuation(h)));
  const auto agreeing = std::count(agrees.begin(), agrees.end(), 1);
  double sum = 0;
  for (const char left_out : agrees) sum += std::min(1.0, static_cast<double>(agreeing - left_out) / 3);
  return sum / static_cast<double>(human.size());
}

// The accuracy of A-OKVQA's direct answers: min(1, matches / 3), the strings as they are. Source: Schwenk et al. 2022.
inline double direct_answer_accuracy(std::string_view answer, std::span<const std::string> human) {
  return std::min(1.0, static_cast<double>(std::count(human.begin(), human.end(), answer)) / 3);
}

// Mean accuracy in percent: over all questions, and over those of a kind (question type, answer type).
class accuracy_table {
 public:
  void add(double accuracy, const std::string& question_type = {}, const std::string& answer_type = {}) {
    all_.add(accuracy), question_types_[question_type].add(accuracy), answer_types_[answer_type].add(accuracy);
  }

  double overall() const { return all_.percent(); }
  std::map<std::string, double> by_question_type() const { return percents(question_types_); }
  std::map<std::string, double> by_answer_type() const { return percents(answer_types_); }

 private:
  struct sum_of {
    double sum = 0;
    long long count = 0;
    void add(double v) { sum += v, ++count; }
    double percent() const { return count == 0 ? 0 : 100 * sum / static_cast<double>(count); }
  };
  static std::map<std::string, double> percents(const std::map<std::string, sum_of>& sums) {
    std::map<std::string, double> out;
    for (const auto& [kind, s] : sums) out[kind] = s.percent();
    return out;
  }

  sum_of all_;
  std::map<std::string, sum_of> question_types_, answer_types_;
};

}  // namespace blip::inline BLIP_ABI
