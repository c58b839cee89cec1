// SPDX-License-Identifier: Apache-2.0
#include "blip/train/record_batches.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "blip/backend/reference.hpp"
#include "blip/data/scenes/words.hpp"
#include "support/catch.hpp"
#include "train/keeping_model.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const wordpiece& record_tokens() {
  static const wordpiece w = [] {
    std::vector<std::string> list = scenes::word_list(scenes::world_size::nano);
    for (const std::string_view word : scenes::task_words)
      if (std::find(list.begin(), list.end(), word) == list.end()) list.emplace_back(word);
    return blip_tokenizer(vocabulary(list));
  }();
  return w;
}
// The picture "12" has one pixel of that brightness.
image picture_of_number(const std::string& name) { return image(1, 1, static_cast<std::uint8_t>(std::stoi(name))); }
pair_batch_options record_options(int batch = 4, int micro_batches = 1) {
  return {.batch = batch,
          .micro_batches = micro_batches,
          .height = 1,
          .width = 1,
          .view = [](const image& p, std::span<float> row, const picture_site&) { row[0] = p.pixels.at(0); },
          .seed = 2};
}
record_set<nlvr2_record> statements(std::uint64_t count) {
  return {count,
          [](std::uint64_t i) {
            return nlvr2_record{"A red circle in the left image!", {std::to_string(i), std::to_string(100 + i)}, i % 3 == 0};
          },
          picture_of_number};
}
template <class Record>
using kept_batches = record_batches<keeping_model, Record>;
std::shared_ptr<skipped_samples> counter() { return std::make_shared<skipped_samples>(); }

}  // namespace

TEST_CASE("record_batches: an epoch shows every record once, and a step is a function of its number", "[train][records]") {
  kept_batches<nlvr2_record> source(statements(12), record_tokens(), record_options(), counter()),
      other(statements(12), record_tokens(), record_options(), counter());
  std::vector<int> seen, next;
  int turns = 0;
  for (std::int64_t n = 0; n < 6; ++n) {
    const auto made = source({}, n);
    const auto& b = *made.begin();
    REQUIRE(b.pixels.size() == 3 * 8);
    for (std::size_t i = 0; i < 4; ++i) {
      // First ones of all, then second ones; in the other order left is right.
      const int one = static_cast<int>(b.pixels[3 * i]), two = static_cast<int>(b.pixels[3 * (i + 4)]);
      const int number = std::min(one, two);
      CHECK(std::max(one, two) == number + 100);
      CHECK(b.texts.labels[i] == (number % 3 == 0));
      const bool turned = one > two;
      turns += turned;
      CHECK(record_tokens().decode(b.texts.texts[i]) ==
            (turned ? "a red circle in the right image" : "a red circle in the left image"));
      (n < 3 ? seen : next).push_back(number);
    }
  }
  for (const std::int64_t n : {4, 0, 5})
    CHECK((*other({}, n).begin()).pixels == (*kept_batches<nlvr2_record>(statements(12), record_tokens(), record_options(),
                                                                         counter())({}, n).begin()).pixels);
  CHECK((turns > 5 && turns < 19));
  CHECK(seen != next);
  std::sort(seen.begin(), seen.end()), std::sort(next.begin(), next.end());
  for (int i = 0; i < 12; ++i) CHECK((seen[static_cast<std::size_t>(i)] == i && next[static_cast<std::size_t>(i)] == i));
}

TEST_CASE("record_batches: ranks and micro-batches share out a step", "[train][records]") {
  kept_batches<nlvr2_record> whole(statements(24), record_tokens(), record_options(12), counter());
  const std::vector<float> all = (*whole({}, 1).begin()).pixels;
  std::vector<float> found;
  for (int micro = 0; micro < 2; ++micro)
    for (int rank = 0; rank < 2; ++rank) {
      pair_batch_options o = record_options(3, 2);
      o.rank = rank, o.ranks = 2;
      kept_batches<nlvr2_record> own(statements(24), record_tokens(), o, counter());
      const auto made = own({}, 1);
      const auto& b = *(made.begin() + micro);
      CHECK(b.site.first == 3 * rank);
      found.insert(found.end(), b.pixels.begin(), b.pixels.begin() + 9);
    }
  CHECK(found == std::vector<float>(all.begin(), all.begin() + 36));
}

TEST_CASE("record_batches: questions have their answers with weights; premises their labels", "[train][records]") {
  const record_set<vqa_record> asked{2,
                                     [](std::uint64_t i) {
                                       return i == 0 ? vqa_record{"7", "What color?", "3", "vqa", {"red", "blue", "red", "red"}}
                                                     : vqa_record{"8", "How many?", "4", "vg", {"two"}};
                                     },
                                     picture_of_number};
  kept_batches<vqa_record> source(asked, record_tokens(), record_options(2), counter());
  const auto made = source({}, 0);
  const examples& e = (*made.begin()).texts;
  const int first = record_tokens().decode(e.texts.at(0)).starts_with("what") ? 0 : 1;
  REQUIRE(e.answers.size() == 3);
  for (std::size_t a = 0; a < 3; ++a) {
    const std::string text = record_tokens().decode(e.answers[a]);
    CHECK(e.answer_of[a] == (text == "two" ? 1 - first : first));
    CHECK(e.answer_weights[a] == Approx(text == "two" ? 0.2 : text == "red" ? 0.75 : 0.25));
  }
  const record_set<entailment_record> premises{1, [](std::uint64_t) { return entailment_record{"1", "a circle", 2}; }, picture_of_number};
  kept_batches<entailment_record> labelled(premises, record_tokens(), record_options(2), counter());
  CHECK((*labelled({}, 0).begin()).texts.labels == std::vector<int>{2, 2});
}

TEST_CASE("record_batches: what is broken is counted and replaced; sizes that cannot be used are refused",
          "[train][records]") {
  record_set<nlvr2_record> some = statements(40);
  some.picture = [](const std::string& name) {
    return name == "105" ? throw format_error({name, "a picture", "none", {}}) : picture_of_number(name);
  };
  const auto skipped = counter();
  kept_batches<nlvr2_record> source(some, record_tokens(), record_options(40), skipped);
  const auto made = source({}, 0);
  CHECK((*made.begin()).texts.texts.size() == 40);
  CHECK((*made.begin()).texts.labels.size() == 40);
  CHECK(skipped->skipped() >= 1);
  record_set<nlvr2_record> none = statements(40);
  none.picture = [](const std::string& name) -> image { throw format_error({name, "a picture", "none", {}}); };
  kept_batches<nlvr2_record> broken(none, record_tokens(), record_options(), counter());
  CHECK_THROWS_AS(broken({}, 0), format_error);
  const record_set<vqa_record> unanswered{1, [](std::uint64_t) { return vqa_record{"7", "What?", "3", "vqa", {}}; }, picture_of_number};
  kept_batches<vqa_record> silent(unanswered, record_tokens(), record_options(1), counter());
  CHECK_THROWS_WITH(silent({}, 0), Catch::Contains("too many") || Catch::Contains("cannot be used") ||
                                       Catch::Contains("an answer to learn from"));
  pair_batch_options o = record_options();
  o.rank = 1;
  CHECK_THROWS_AS(kept_batches<nlvr2_record>(statements(4), record_tokens(), o, counter()), config_error);
}
