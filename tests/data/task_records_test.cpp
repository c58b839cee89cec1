// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "blip/data/entailment_record.hpp"
#include "blip/data/nlvr2_record.hpp"
#include "blip/data/read_records.hpp"
#include "blip/data/referring_record.hpp"
#include "blip/data/vqa_record.hpp"
#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

namespace {

json_record record(const char* text) { return json_record(text, "here"); }

}  // namespace

TEST_CASE("vqa_record: questions of VQA v2, of Visual Genome and of a test split") {
  const blip_test::temporary_folder folder;
  put(folder / "a.json", R"([{"question_id": 262148000, "question": "Where is he looking?", "image": "val2014/a.jpg",
      "dataset": "vqa", "answer": ["down", "down", "at table", "down", "skateboard", "down", "table", "down", "down", "down"]},
    {"question_id": 7, "question": "What?", "image": "1.jpg", "dataset": "vg", "answer": "a cat"},
    {"question_id": "9", "question": "Which?", "image": "2.jpg", "dataset": "vqa"}])");
  const auto all = read_records(folder / "a.json", read_vqa);
  REQUIRE(all.size() == 3);
  CHECK(all[0].id == "262148000");
  CHECK(all[0].answers.size() == 10);
  const auto weighed = weigh_answers(all[0], 0.2);
  REQUIRE(weighed.size() == 4);
  CHECK(weighed[0].text == "down");
  CHECK(weighed[0].weight == Approx(0.7));
  CHECK(weighed[1].text == "at table");
  CHECK(weighed[3].weight == Approx(0.1));
  CHECK(weigh_answers(all[1], 0.2).at(0).weight == 0.2);
  CHECK(weigh_answers(all[2], 0.2).empty());
  CHECK_THROWS_AS(read_vqa(record(R"({"question_id": 1, "question": "q", "image": "a", "dataset": "gqa"})")), format_error);
  CHECK_THROWS_AS(read_vqa(record(R"({"question": "q", "image": "a"})")), format_error);
  CHECK_THROWS_AS(read_vqa(record(R"({"question_id": 1, "question": "q", "image": "a", "answer": []})")), format_error);
}

TEST_CASE("vqa_record: answers to choose from, and A-OKVQA's own files") {
  const blip_test::temporary_folder folder;
  put(folder / "answers.json", R"(["net", "pitcher", "2\"", "caf\u00e9"])");
  CHECK(read_answer_list(folder / "answers.json") == std::vector<std::string>{"net", "pitcher", "2\"", "café"});
  put(folder / "numbers.json", "[\"a\", 1]");
  CHECK_THROWS_AS(read_answer_list(folder / "numbers.json"), format_error);
  put(folder / "none.json", "[]");
  CHECK_THROWS_AS(read_answer_list(folder / "none.json"), format_error);
  const auto r = read_aokvqa(record(R"({"split": "val", "image_id": 461751, "question_id": "22jb", "question": "What?",
    "choices": ["skating", "sledding"], "correct_choice_idx": 1, "direct_answers": ["sledding", "ride"],
    "difficult_direct_answer": false, "rationales": ["r"]})"));
  CHECK(r.image_id == "461751");
  CHECK(r.choices.at(static_cast<std::size_t>(r.correct_choice)) == "sledding");
  CHECK(r.direct_answers.size() == 2);
  CHECK_THROWS_AS(read_aokvqa(record(R"({"image_id": 1, "question_id": "a", "question": "q", "choices": ["a"],
    "correct_choice_idx": 1})")), format_error);
}

TEST_CASE("nlvr2_record: swapping the pictures swaps left and right in the sentence, and twice is once") {
  const auto r = read_nlvr2(record(R"({"sentence": "The left image shows a bright, leftmost dog right of the right cup.",
    "label": "True", "images": ["a-img0.png", "a-img1.png"]})"));
  CHECK(r.label);
  const auto words = swapped(r);
  CHECK(words.images[0] == "a-img1.png");
  CHECK(words.images[1] == "a-img0.png");
  CHECK(words.sentence == "The right image shows a bright, leftmost dog left of the left cup.");
  CHECK(swapped(words).sentence == r.sentence);
  CHECK(swapped(r, swapping::substrings).sentence ==
        "The right image shows a bleft, rightmost dog left of the left cup.");
}

TEST_CASE("nlvr2_record: another label or number of pictures is a format_error") {
  CHECK_THROWS_AS(read_nlvr2(record(R"({"sentence": "s", "label": "true", "images": ["a", "b"]})")), format_error);
  CHECK_THROWS_AS(read_nlvr2(record(R"({"sentence": "s", "label": true, "images": ["a", "b"]})")), format_error);
  CHECK_THROWS_AS(read_nlvr2(record(R"({"sentence": "s", "label": "True", "images": ["a"]})")), format_error);
  CHECK_THROWS_AS(read_nlvr2(record(R"({"sentence": "s", "label": "True", "images": ["a", "b", "c"]})")), format_error);
  CHECK_THROWS_AS(read_nlvr2(record(R"({"label": "True", "images": ["a", "b"]})")), format_error);
}

TEST_CASE("entailment_record: labels have the numbers of the published code") {
  int number = 0;
  for (const char* label : {"contradiction", "neutral", "entailment"}) {
    const std::string text = std::string(R"({"image": "36979", "sentence": "s", "label": ")") + label + "\"}";
    const auto r = read_entailment(record(text.c_str()));
    CHECK(r.label == number++);
    CHECK(r.image == "36979.jpg");
  }
  CHECK(read_entailment(record(R"({"image": 36979, "sentence": "s", "label": "neutral"})")).image == "36979.jpg");
  CHECK_THROWS_AS(read_entailment(record(R"({"image": "1", "sentence": "s", "label": "-"})")), format_error);
}

TEST_CASE("referring_record: expressions, and the boxes of a detector by picture") {
  CHECK(read_referring(record(R"({"image": "train2014/a.jpg", "text": "the dog"})")).ref_id.empty());
  CHECK(read_referring(record(R"({"image": "a.jpg", "text": "the dog", "ref_id": 12})")).ref_id == "12");
  CHECK_FALSE(read_referring(record(R"({"image": "a.jpg", "text": "the dog"})")).meant.has_value());
  const auto meant = read_referring(record(R"({"image": "a.jpg", "text": "the dog", "box": [1, 2.5, 30, 40]})"));
  CHECK(meant.meant == detection_box{1, 2.5, 30, 40});
  for (const char* box : {"3", "[]", "[1, 2, 3]", "[1, 2, 3, 4, 5]", "[1, 2, 0, 4]", "[1, 2, 3, -4]", "[1, 2, 3, \"4\"]"})
    CHECK_THROWS_AS(read_referring(record((R"({"image": "a", "text": "b", "box": )" + std::string(box) + "}").c_str())),
                    format_error);
  const blip_test::temporary_folder folder;
  put(folder / "dets.json", R"({"17": [{"box": [1.5, 2, 30, 40], "score": 0.5}, {"box": [0, 0, 1, 1]}], "18": []})");
  const auto found = read_detections(folder / "dets.json");
  REQUIRE(found.size() == 2);
  CHECK(found.at("17").at(0) == detection_box{1.5, 2, 30, 40});
  CHECK(found.at("18").empty());
  for (const char* text : {"", "[]", "{\"1\": 3}", "{\"1\": [{}]}", "{\"1\": [{\"box\": [1, 2, 3]}]}", "{\"1\": [{\"box\": [1, 2, 3, 0]}]}",
                           "{\"1\": [{\"box\": [1, 2, 3, \"4\"]}]}", "{\"1\": [], \"1\": []}", "{\"1\": [{\"box\": [1,2,3,4]}"}) {
    put(folder / "wrong.json", text);
    INFO(text);
    CHECK_THROWS_AS(read_detections(folder / "wrong.json"), format_error);
  }
}
