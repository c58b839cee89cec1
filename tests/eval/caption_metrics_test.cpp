// SPDX-License-Identifier: Apache-2.0
#include "blip/eval/caption_metrics.hpp"

#include "blip/eval/distinct_ngrams.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

word_list split(const std::string& text) {
  word_list words(1);
  for (const char c : text) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  if (text.empty()) words.clear();
  return words;
}

caption_case judged(const std::string& candidate, const std::vector<std::string>& references) {
  caption_case c{split(candidate), {}};
  for (const auto& r : references) c.references.push_back(split(r));
  return c;
}

}  // namespace

TEST_CASE("caption metrics: a caption that equals a reference is perfect, one that shares no word is worthless",
          "[eval]") {
  const std::vector<caption_case> same{judged("a red dog runs", {"a red dog runs"}),
                                       judged("two cats on a mat", {"two cats on a mat"}),
                                       judged("the sea at night", {"the sea at night"})};
  const caption_scores s = score_captions(same);
  for (const double b : s.bleu) CHECK(b == Approx(1).epsilon(1e-8));
  CHECK(s.rouge_l == Approx(1));
  CHECK(s.cider_d == Approx(10));
  const caption_case strange = judged("x y z w v", {"a red dog runs"});
  CHECK(bleu({&strange, 1})[0] < 1e-12);
  CHECK(rouge_l(strange) == 0);
  CHECK(cider_d(same).score(strange) == 0);
}

TEST_CASE("BLEU: words count at most as often as in one reference", "[eval]") {
  const caption_case c = judged("the the the the", {"the cat", "the the"});
  CHECK(bleu({&c, 1})[0] == Approx(2.0 / 4));
}

TEST_CASE("BLEU: the closest reference sets the length, the shorter one of two", "[eval]") {
  const caption_case tied = judged("a b c", {"a b c d", "a b"});  // both are one word off: 2 counts, no penalty
  CHECK(bleu({&tied, 1})[0] == Approx(1));
  const caption_case brief = judged("a b", {"a b c d"});
  CHECK(bleu({&brief, 1})[0] == Approx(std::exp(1 - 2.0)));
}

TEST_CASE("ROUGE-L: by hand", "[eval]") {
  const double p = 3.0 / 4, r = 3.0 / 5;  // a c d of a b c d against a c x d y
  CHECK(rouge_l(judged("a b c d", {"a c x d y"})) == Approx(2.44 * p * r / (r + 1.44 * p)));
  CHECK(rouge_l(judged("", {"a"})) == 0);
  CHECK(rouge_l(judged("", {""})) == 1);
}

TEST_CASE("CIDEr-D: what all images say is worth nothing, and repeating does not pay", "[eval]") {
  const std::vector<caption_case> all{judged("a dog", {"a dog"}), judged("a cat", {"a cat"})};
  const cider_d cider(all);
  CHECK(cider.score(judged("a", {"a dog"})) == 0);
  CHECK(cider.score(judged("dog dog dog dog", {"a dog"})) < cider.score(judged("dog", {"a dog"})));
  const std::vector<caption_case> one{judged("a dog", {"a dog"})};
  CHECK(cider_d(one).score(one) == 0);  // one image: every n-gram is in all of them
}

TEST_CASE("caption metrics: an empty caption scores nothing, a missing reference is refused", "[eval]") {
  const std::vector<caption_case> empty{judged("", {"a dog"}), judged("a cat", {"a cat"})};
  CHECK(std::isfinite(score_captions(empty).cider_d));
  CHECK(bleu({empty.data(), 1})[0] == 0);
  const std::vector<caption_case> none, without{judged("a dog", {})};
  CHECK_THROWS_AS(score_captions(none), shape_error);
  CHECK_THROWS_AS(bleu(without), shape_error);
  CHECK_THROWS_AS(rouge_l(without[0]), shape_error);
  CHECK_THROWS_AS(cider_d(without), shape_error);
}

TEST_CASE("distinct n-grams: what differs over all there are", "[eval]") {
  const std::vector<word_list> captions{split("a dog and a cat"), split("a dog")};
  CHECK(distinct_ngrams(captions, 1) == Approx(4.0 / 7));
  CHECK(distinct_ngrams(captions, 2) == Approx(4.0 / 5));
  CHECK(distinct_ngrams(captions, 6) == 0);
  CHECK_THROWS_AS(distinct_ngrams(captions, 0), config_error);
}
