// SPDX-License-Identifier: Apache-2.0
#include "blip/train/measure_retrieval.hpp"

#include <numeric>

#include "support/catch.hpp"
#include "untrained_filter.hpp"

using namespace blip;
using blip_test::untrained_filter;

namespace {

// The share of rows whose own column is among the k highest: of equal ones the later first.
double recall(const std::vector<std::vector<double>>& rows, std::size_t k) {
  std::size_t found = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::size_t before = 0;
    for (std::size_t j = 0; j < rows.size(); ++j)
      before += rows[i][j] > rows[i][i] || (rows[i][j] == rows[i][i] && j > i);
    found += before < k;
  }
  return static_cast<double>(found) / static_cast<double>(rows.size());
}

}  // namespace

TEST_CASE("measure_retrieval: with all pairs on the shortlist the rank is that by logit and similarity",
          "[train][bootstrap]") {
  untrained_filter f;
  const std::size_t n = f.pairs.pictures.size();
  const matcher<untrained_filter::model_type> judge(f.model(), f.values(), f.tokens, {.view = f.view});
  const feature_rows pictures = judge.image_features(f.on, f.pairs.pictures),
                     texts = judge.text_features(f.on, f.pairs.texts);
  std::vector<pair_of> every;
  for (int i = 0; i < static_cast<int>(n); ++i)
    for (int j = 0; j < static_cast<int>(n); ++j) every.push_back({i, j});
  const retriever<untrained_filter::model_type> reader(f.model(), f.values(), f.tokens, {.view = f.view});
  const auto seen = reader.pictures(f.on, f.pairs.pictures);
  const std::vector<double> logits = reader.logits(f.on, seen, reader.texts(f.on, f.pairs.texts), every);
  std::vector<std::vector<double>> by_contrast(n, std::vector<double>(n)), by_both = by_contrast;
  for (std::size_t k = 0; k < every.size(); ++k) {
    const auto a = pictures.row(every[k].picture), b = texts.row(every[k].text);
    const auto i = static_cast<std::size_t>(every[k].picture), j = static_cast<std::size_t>(every[k].text);
    by_contrast[j][i] = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);  // pictures of a text
    by_both[j][i] = by_contrast[j][i] + logits[k];
  }
  const retrieval_measures m =
      measure_retrieval(f.on, f.model(), f.values(), f.tokens, {.view = f.view, .shortlist = 40}, f.pairs);
  REQUIRE(m.reranked);
  for (const auto& [at, k] : {std::pair<std::size_t, std::size_t>{0, 1}, {1, 5}, {2, 10}}) {
    CHECK(m.contrast.text_to_image[at] == Approx(recall(by_contrast, k)));
    CHECK(m.reranked->text_to_image[at] == Approx(recall(by_both, k)));
  }
}

TEST_CASE("measure_retrieval: a shortlist of one changes no first place, none gives no second measure",
          "[train][bootstrap]") {
  untrained_filter f;
  const auto with = [&](int shortlist) {
    return measure_retrieval(f.on, f.model(), f.values(), f.tokens, {.view = f.view, .shortlist = shortlist}, f.pairs);
  };
  const retrieval_measures one = with(1), none = with(0);
  REQUIRE(one.reranked);
  CHECK(one.reranked->text_to_image[0] == one.contrast.text_to_image[0]);
  CHECK(one.reranked->image_to_text[0] == one.contrast.image_to_text[0]);
  CHECK_FALSE(none.reranked);
  CHECK(none.contrast.text_to_image == one.contrast.text_to_image);
  CHECK_THROWS_AS(with(-1), config_error);
}
