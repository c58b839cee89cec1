// SPDX-License-Identifier: Apache-2.0
#include "blip/eval/vqa_accuracy.hpp"

#include "support/catch.hpp"

using namespace blip;

namespace {

std::vector<std::string> ten(int yes, const std::string& other = "no") {
  std::vector<std::string> answers(10, other);
  std::fill_n(answers.begin(), yes, "yes");
  return answers;
}

}  // namespace

TEST_CASE("VQA accuracy: leaving one out, three that agree are enough", "[eval]") {
  CHECK(vqa_accuracy("yes", ten(0)) == 0);
  CHECK(vqa_accuracy("yes", ten(1)) == Approx(0.3));
  CHECK(vqa_accuracy("yes", ten(2)) == Approx(0.6));
  CHECK(vqa_accuracy("yes", ten(3)) == Approx(0.9));
  CHECK(vqa_accuracy("yes", ten(4)) == Approx(1));
  CHECK(vqa_accuracy("Yes.", ten(10)) == Approx(1));
}

TEST_CASE("VQA accuracy: human answers lose their punctuation only when they differ", "[eval]") {
  CHECK(vqa_accuracy("yes!", std::vector<std::string>(10, "yes!")) == 0);
  CHECK(vqa_accuracy("t shirt", ten(1, "t-shirt")) == Approx(1));
  CHECK(vqa_accuracy("two", std::vector<std::string>(10, "two")) == 0);  // the answer becomes 2, theirs does not
}

TEST_CASE("VQA answers: at most 32 periods go", "[eval]") {
  CHECK(strip_punctuation(std::string(33, '.')) == ".");
  CHECK(strip_punctuation("2.5.") == "2.5");
}

TEST_CASE("VQA answers: normalising is done once", "[eval]") {
  for (const char* answer : {"The  two cats!", "dont know", "1,000", "A, b", "\xc3\x89T\xc3\x89"}) {
    const std::string once = normalize_answer(answer);
    CHECK(normalize_answer(once) == once);
  }
  CHECK(normalize_answer("") == "");
  CHECK(normalize_answer(" \n\t ") == "");
  CHECK(normalize_answer("youre\tTHE one") == "you're 1");
  CHECK_THROWS_AS(normalize_answer("a\xff"), format_error);
}

TEST_CASE("VQA accuracy: a question without answers is refused", "[eval]") {
  CHECK_THROWS_AS(vqa_accuracy("yes", std::vector<std::string>{}), shape_error);
}

TEST_CASE("direct answers: as they are, three are enough", "[eval]") {
  CHECK(direct_answer_accuracy("yes", ten(2)) == Approx(2.0 / 3));
  CHECK(direct_answer_accuracy("yes", ten(7)) == 1);
  CHECK(direct_answer_accuracy("Yes", ten(7)) == 0);
}

TEST_CASE("accuracy table: means in percent, by kind", "[eval]") {
  accuracy_table t;
  CHECK(t.overall() == 0);
  t.add(1, "what", "other");
  t.add(0, "how", "other");
  t.add(1, "how", "number");
  CHECK(t.overall() == Approx(200.0 / 3));
  CHECK(t.by_question_type() == std::map<std::string, double>{{"how", 50}, {"what", 100}});
  CHECK(t.by_answer_type() == std::map<std::string, double>{{"number", 100}, {"other", 50}});
}
