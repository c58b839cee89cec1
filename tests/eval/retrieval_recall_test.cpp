// SPDX-License-Identifier: Apache-2.0
#include "blip/eval/retrieval_recall.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace blip;

namespace {

struct scores {
  int images, texts;
  std::vector<double> values;  // [images, texts]

  retrieval_scores recall(const std::vector<int>& of) const {
    std::vector<double> turned(values.size());
    for (int i = 0; i < images; ++i)
      for (int t = 0; t < texts; ++t)
        turned[static_cast<std::size_t>(t * images + i)] = values[static_cast<std::size_t>(i * texts + t)];
    return retrieval_recall(matrix_view<const double>{values.data(), images, texts, texts, nullptr},
                            matrix_view<const double>{turned.data(), texts, images, images, nullptr}, of);
  }
};

}  // namespace

TEST_CASE("retrieval recall: an image counts by its best text, a text by its image", "[eval]") {
  // Image 0 finds its text 1 first; image 1 finds text 0 before its own.
  const scores s{2, 3, {0.1, 0.9, 0.2, 0.8, 0.3, 0.7}};
  const auto r = s.recall({0, 0, 1});
  CHECK(r.image_to_text.r1 == 50);
  CHECK(r.image_to_text.r5 == 100);
  CHECK(r.text_to_image.r1 == Approx(100.0 * 2 / 3));
  CHECK(r.image_to_text.mean() == Approx((50 + 100 + 100) / 3.0));
  CHECK(r.mean() == Approx((r.image_to_text.mean() + r.text_to_image.mean()) / 2));
}

TEST_CASE("retrieval recall: of equal scores the later one comes first", "[eval]") {
  const scores equal{2, 2, {1, 1, 1, 1}};
  const auto r = equal.recall({0, 1});
  CHECK(r.image_to_text.r1 == 50);
  CHECK(r.text_to_image.r1 == 50);
}

TEST_CASE("retrieval recall: entries outside a shortlist may be anything low", "[eval]") {
  const double none = -std::numeric_limits<double>::infinity();
  CHECK(scores{2, 2, {1, none, none, 1}}.recall({0, 1}).image_to_text.r1 == 100);
}

TEST_CASE("retrieval recall: what does not fit is refused", "[eval]") {
  const scores s{2, 2, {1, 0, 0, 1}};
  CHECK_THROWS_AS(s.recall({0, 2}), shape_error);
  CHECK_THROWS_AS(s.recall({0, 0}), shape_error);  // image 1 has no text
  CHECK_THROWS_AS(s.recall({0}), shape_error);
  CHECK_THROWS_AS((scores{0, 0, {}}.recall({})), shape_error);
  CHECK_THROWS_AS((scores{1, 1, {std::numeric_limits<double>::quiet_NaN()}}.recall({0})), numeric_error);
}
