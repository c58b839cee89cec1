// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>
#include <vector>

#include "blip/eval/average_precision.hpp"
#include "blip/eval/caption_metrics.hpp"
#include "blip/eval/caption_words.hpp"
#include "blip/eval/retrieval_recall.hpp"
#include "blip/eval/roc_auc.hpp"
#include "blip/eval/vqa_accuracy.hpp"
#include "blip/io/safetensors.hpp"
#include "text_lines.hpp"

using namespace blip;
using namespace golden;

namespace {

class case_text {
 public:
  explicit case_text(const std::string& name)
      : text_(simdjson::padded_string::load(std::string(BLIP_GOLDEN_DIR) + "/" + name).value()),
        root_(parser_.parse(text_)) {}
  simdjson::dom::element operator*() const { return root_; }

 private:
  simdjson::padded_string text_;
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
};

bool near(double actual, double expected) { return std::abs(actual - expected) <= 1e-12 + 1e-9 * std::abs(expected); }

word_list words_of(const std::string& tokens) {
  word_list words;
  for (std::size_t begin = 0; begin < tokens.size();) {
    const std::size_t end = std::min(tokens.find(' ', begin), tokens.size());
    words.push_back(tokens.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

TEST_CASE("caption words are those of the published tokenizer", "[golden][eval]") {
  const std::string file = "metrics/caption-tokenizer/texts.jsonl";
  if (!has_case(file)) return;
  each_line(file, [&](simdjson::dom::element line) {
    INFO(text_at(line, "text"));
    CHECK(caption_words(text_at(line, "text")) == words_of(text_at(line, "tokens")));
  });
}

TEST_CASE("BLEU, ROUGE-L and CIDEr-D equal the published ones", "[golden][eval]") {
  if (!has_case("metrics/captions/images.jsonl")) return;
  std::vector<caption_case> cases;
  std::vector<std::vector<double>> each;
  each_line("metrics/captions/images.jsonl", [&](simdjson::dom::element line) {
    caption_case c{words_of(text_at(line, "tokenised_candidate")), {}};
    for (const std::string& r : texts(line["tokenised_references"])) c.references.push_back(words_of(r));
    CHECK(caption_words(text_at(line, "candidate")) == c.candidate);
    std::size_t i = 0;
    for (const std::string& r : texts(line["references"])) CHECK(caption_words(r) == c.references[i++]);
    cases.push_back(std::move(c));
    std::vector<double> row = numbers(line["BLEU"]);
    row.push_back(line["ROUGE_L"].get_double().value());
    row.push_back(line["CIDEr"].get_double().value());
    each.push_back(row);
  });
  const case_text text("metrics/captions/case.json");
  const auto expected = (*text)["expected"];
  const caption_scores all = score_captions(cases);
  CHECK(near(all.bleu[0], expected["BLEU_1"].get_double()));
  CHECK(near(all.bleu[1], expected["BLEU_2"].get_double()));
  CHECK(near(all.bleu[2], expected["BLEU_3"].get_double()));
  CHECK(near(all.bleu[3], expected["BLEU_4"].get_double()));
  CHECK(near(all.rouge_l, expected["ROUGE_L"].get_double()));
  CHECK(near(all.cider_d, expected["CIDEr"].get_double()));
  const cider_d cider(cases);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO("image " << i);
    const bleu_scores b = bleu({&cases[i], 1});
    for (std::size_t n = 0; n < b.size(); ++n) CHECK(near(b[n], each[i][n]));
    CHECK(near(rouge_l(cases[i]), each[i][4]));
    CHECK(near(cider.score(cases[i]), each[i][5]));
  }
}

TEST_CASE("answers of VQA are normalised and judged as by the published evaluation", "[golden][eval]") {
  if (!has_case("metrics/vqa-accuracy/questions.jsonl")) return;
  each_line("metrics/vqa-accuracy/normalisation.jsonl", [&](simdjson::dom::element line) {
    const std::string answer = text_at(line, "answer");
    CHECK(normalize_answer(answer) == text_at(line, "normalised"));
    const auto first = answer.find_first_not_of(' '), last = answer.find_last_not_of(' ');
    CHECK(strip_punctuation(answer.substr(first, last + 1 - first)) == text_at(line, "after_punctuation"));
  });
  accuracy_table table;
  each_line("metrics/vqa-accuracy/questions.jsonl", [&](simdjson::dom::element line) {
    const std::string answer = text_at(line, "answer");
    const auto human = texts(line["human_answers"]);
    CHECK(normalize_answer(answer) == text_at(line, "normalised_answer"));
    const double accuracy = vqa_accuracy(answer, human);
    CHECK(std::abs(accuracy - line["accuracy"].get_double()) <= 1e-6);
    table.add(accuracy, text_at(line, "question_type"), text_at(line, "answer_type"));
  });
  const case_text text("metrics/vqa-accuracy/case.json");
  const auto check_kinds = [&](const char* key, const std::map<std::string, double>& kinds) {
    std::size_t compared = 0;
    for (const auto [kind, percent] : simdjson::dom::object((*text)["expected"][key])) {
      CHECK(std::abs(kinds.at(std::string(kind)) - percent.get_double()) <= 1e-5);
      ++compared;
    }
    CHECK(compared == kinds.size());
  };
  CHECK(std::abs(table.overall() - (*text)["expected"]["overall"].get_double()) <= 1e-5);
  check_kinds("per_question_type", table.by_question_type());
  check_kinds("per_answer_type", table.by_answer_type());
}

TEST_CASE("recall of retrieval equals the published one, in both directions", "[golden][eval]") {
  if (!has_case("metrics/retrieval/case.json")) return;
  const case_text text("metrics/retrieval/case.json");
  const safetensors_file scores(std::string(BLIP_GOLDEN_DIR) + "/metrics/retrieval/scores.safetensors");
  for (const auto row : simdjson::dom::array((*text)["rows"])) {
    const std::string n = std::to_string(row["row"].get_int64().value());
    const int images = static_cast<int>(row["images"].get_int64()), texts_ = static_cast<int>(row["texts"].get_int64());
    const auto i2t = scores.read<double>(*scores.find(n + ".image_to_text"));
    const auto t2i = scores.read<double>(*scores.find(n + ".text_to_image"));
    const auto of = scores.read<int>(*scores.find(n + ".image_of_text"));
    const auto r = retrieval_recall(matrix_view<const double>{i2t.data(), images, texts_, texts_, nullptr},
                                    matrix_view<const double>{t2i.data(), texts_, images, images, nullptr}, of);
    const auto expected = row["expected"];
    const auto check = [&](double actual, const char* key) {
      INFO(n << " " << key);
      CHECK(std::abs(actual - expected[key].get_double()) <= 1e-9);
    };
    check(r.image_to_text.r1, "txt_r1"), check(r.image_to_text.r5, "txt_r5"), check(r.image_to_text.r10, "txt_r10");
    check(r.text_to_image.r1, "img_r1"), check(r.text_to_image.r5, "img_r5"), check(r.text_to_image.r10, "img_r10");
    check(r.image_to_text.mean(), "txt_r_mean"), check(r.text_to_image.mean(), "img_r_mean"), check(r.mean(), "r_mean");
  }
}

TEST_CASE("ROC area and average precision equal scikit-learn's", "[golden][eval]") {
  if (!has_case("metrics/ranking/lists.jsonl")) return;
  each_line("metrics/ranking/lists.jsonl", [&](simdjson::dom::element line) {
    const auto labels = ints(line["labels"]);
    const auto scores = numbers(line["scores"]);
    CHECK(std::abs(roc_auc(labels, scores) - line["roc_auc"].get_double()) <= 1e-12);
    CHECK(std::abs(average_precision(labels, scores) - line["average_precision"].get_double()) <= 1e-12);
  });
}
