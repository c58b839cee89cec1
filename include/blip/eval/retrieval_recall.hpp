// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/matrix_view.hpp"

namespace blip::inline BLIP_ABI {

// Percent of the queries that find what belongs to them among the first 1, 5 and 10.
struct recall_at {
  double r1 = 0, r5 = 0, r10 = 0;
  double mean() const { return (r1 + r5 + r10) / 3; }
};

struct retrieval_scores {
  recall_at image_to_text, text_to_image;
  double mean() const { return (image_to_text.mean() + text_to_image.mean()) / 2; }
};

namespace detail {

// How many of a row rank before entry `at`: those with a higher score, and equal ones that come later, as when an
// ascending sort is read backwards.
template <class S>
int rank_in_row(std::span<S> row, std::size_t at) {
  int before = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (std::isnan(row[i]))
      throw numeric_error({"retrieval_recall: score " + std::to_string(i) + " of a row", "a number", "nan", {}});
    before += row[i] > row[at] || (row[i] == row[at] && i > at);
  }
  return before;
}

inline recall_at recall_of(std::span<const int> ranks) {
  const auto within = [&](int k) {
    return 100.0 * static_cast<double>(std::count_if(ranks.begin(), ranks.end(), [&](int r) { return r < k; })) /
           static_cast<double>(ranks.size());
  };
  return {within(1), within(5), within(10)};
}

template <class S>
std::span<S> row_of(const matrix_view<S>& m, int row) {
  return {m.row(row), static_cast<std::size_t>(m.width)};
}

}  // namespace detail

// Recall of image-text retrieval. `image_to_text` [images, texts] and `text_to_image` [texts, images] hold scores (two
// matrices, because re-ranking treats the directions apart), `image_of_text` [texts] says what belongs together; an
// image counts by its best ranked text. Throws shape_error for sizes that do not fit and for an image without a text,
// numeric_error for a score that is not a number. Source: ALBEF Retrieval.py and BLIP train_retrieval.py, itm_eval.
template <class S>
retrieval_scores retrieval_recall(const matrix_view<S>& image_to_text, const matrix_view<S>& text_to_image,
                                  std::span<const int> image_of_text) {
  const int images = image_to_text.rows, texts = image_to_text.width;
  require_equal("retrieval_recall", "rows of text_to_image", text_to_image.rows, texts);
  require_equal("retrieval_recall", "columns of text_to_image", text_to_image.width, images);
  require_equal("retrieval_recall", "images of texts", static_cast<long long>(image_of_text.size()), texts);
  std::vector<int> image_ranks(static_cast<std::size_t>(images), texts), text_ranks;
  std::vector<char> has_text(static_cast<std::size_t>(images), 0);
  for (int t = 0; t < texts; ++t) {
    const int image = image_of_text[static_cast<std::size_t>(t)];
    if (image < 0 || image >= images)
      throw shape_error({"retrieval_recall: image of text " + std::to_string(t),
                         "0 to " + std::to_string(images - 1),
                         std::to_string(image),
                         {}});
    const auto i = static_cast<std::size_t>(image);
    has_text[i] = 1;
    const int rank = detail::rank_in_row(detail::row_of(image_to_text, image), static_cast<std::size_t>(t));
    image_ranks[i] = std::min(image_ranks[i], rank);
    text_ranks.push_back(detail::rank_in_row(detail::row_of(text_to_image, t), i));
  }
  const auto without = std::find(has_text.begin(), has_text.end(), 0);
  if (images == 0 || without != has_text.end())
    throw shape_error(
        {"retrieval_recall: texts of image " + std::to_string(without - has_text.begin()), "at least one", "none", {}});
  return {detail::recall_of(image_ranks), detail::recall_of(text_ranks)};
}

}  // namespace blip::inline BLIP_ABI
