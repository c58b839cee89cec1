// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/json_record.hpp"
#include "blip/data/record_file.hpp"

namespace blip::inline BLIP_ABI {

// A question about a picture: {question_id, question, image, dataset[, answer]}. `dataset` tells below which root the
// picture lies: vqa (COCO) or vg (Visual Genome); vqa where it is missing. Ten people answered those of VQA v2, one those
// of Visual Genome, none those of a test split.
struct vqa_record {
  std::string id{}, question{}, image{}, dataset{};
  std::vector<std::string> answers{};
};

// Throws what json_record throws, format_error for another dataset.
inline vqa_record read_vqa(const json_record& r) {
  vqa_record out{r.id("question_id"), r.text("question"), r.text("image"), "vqa", {}};
  if (r.has("dataset")) out.dataset = r.text("dataset");
  if (out.dataset != "vqa" && out.dataset != "vg") r.fail("\"dataset\" vqa or vg", "\"" + out.dataset.substr(0, 64) + "\"");
  if (r.has("answer")) out.answers = r.texts("answer");
  return out;
}

// A question of A-OKVQA's own files: {question_id, question, image_id[, direct_answers, choices, correct_choice_idx]}.
struct aokvqa_record {
  std::string id{}, question{}, image_id{};
  std::vector<std::string> direct_answers{}, choices{};
  int correct_choice = -1;
};
inline aokvqa_record read_aokvqa(const json_record& r) {
  aokvqa_record out{.id = r.id("question_id"), .question = r.text("question"), .image_id = r.id("image_id")};
  if (r.has("direct_answers")) out.direct_answers = r.texts("direct_answers");
  if (r.has("choices")) out.choices = r.texts("choices");
  if (r.has("correct_choice_idx")) {
    const std::int64_t choice = r.whole("correct_choice_idx");
    if (choice < 0 || choice >= static_cast<std::int64_t>(out.choices.size()))
      r.fail("\"correct_choice_idx\" below " + std::to_string(out.choices.size()), std::to_string(choice));
    out.correct_choice = static_cast<int>(choice);
  }
  return out;
}

struct weighted_answer {
  std::string text;
  double weight = 0;
};

// The different answers of a question in the order in which they first come, each with what its loss counts: the share of
// people who gave it; for Visual Genome `vg` (0.5 in ALBEF, 0.2 in BLIP, 1 in LAVIS).
inline std::vector<weighted_answer> weigh_answers(const vqa_record& r, double vg) {
  std::vector<weighted_answer> out;
  const double each = r.dataset == "vg" ? vg : 1.0 / static_cast<double>(std::max<std::size_t>(r.answers.size(), 1));
  for (const std::string& answer : r.answers) {
    const auto known = std::find_if(out.begin(), out.end(), [&](const auto& a) { return a.text == answer; });
    if (known == out.end())
      out.push_back({answer, each});
    else
      known->weight += each;
  }
  return out;
}

// answer_list.json: the answers among which a model chooses, a list of texts. Throws io_error, format_error, limit_error.
inline std::vector<std::string> read_answer_list(const std::string& path, const limits& bounds = {}) {
  const record_file file = record_file::list(path, bounds);
  std::vector<std::string> answers;
  for (std::uint64_t i = 0; i < file.size(); ++i)  // a text alone is not a record: read it as the field of one
    answers.push_back(json_record("{\"answer\":" + file.text(i) + "}", file.where(i), bounds).text("answer"));
  if (answers.empty()) throw format_error({path + ": answers", "at least one", "none", {}});
  return answers;
}

}  // namespace blip::inline BLIP_ABI
