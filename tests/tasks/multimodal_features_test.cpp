// SPDX-License-Identifier: Apache-2.0
#include "blip/tasks/multimodal_features.hpp"

#include <cmath>
#include <numeric>

#include "support/backends.hpp"
#include "support/catch.hpp"
#include "tasks/tiny_judge.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// The head of matching on a row is the logit of the pair.
template <class Model>
void check_multimodal() {
  using B = typename Model::backend_type;
  const tiny_judge<Model> j;
  const seen_world w = world_of(5);
  device<B> d;
  const auto features = [&](int batch) {
    return multimodal_features(d, *j.model, j.model.values(), j.tokens, w.pictures, w.texts,
                               {.view = view, .longest = longest, .batch = batch});
  };
  const feature_rows f = features(8);
  REQUIRE((f.count == 5 && f.width == 12 && f.values.size() == 60));
  const auto weight = j.model.values().read("itm_head.weight"), bias = j.model.values().read("itm_head.bias");
  for (int i = 0; i < 5; ++i) {
    double logit = static_cast<double>(bias[1]);
    for (std::size_t k = 0; k < 12; ++k)
      logit += static_cast<double>(weight[12 + k]) * static_cast<double>(f.row(i)[k]);
    CHECK(std::abs(logit - j.logit(d, at(w.pictures, i), at(w.texts, i))) < 1e-5);
  }
  for (const int batch : {1, 3}) CHECK(features(batch).values == f.values);
  CHECK_THROWS_AS(features(0), config_error);
}

// The heads of the contrast on every row of a picture and of a text, not on the first alone.
template <class Model>
void check_every_token() {
  using B = typename Model::backend_type;
  const tiny_judge<Model> j;
  const seen_world w = world_of(2);
  device<B> d;
  auto t = j.model.inference(d);
  const auto& head = j.model->template head_at<0>();
  const auto& towers = j.model->towers();
  const seen_pictures seen(t, towers, w.pictures, view);
  const text_batch<B> batch(j.tokens.encode_batch(w.texts, longest), j.model->vocabulary());
  const matcher<Model> pairs(*j.model, j.model.values(), j.tokens, {.view = view, .longest = longest});
  const auto check = [&](const auto& all, const auto& begins, const feature_rows& first) {
    const auto rows = to_host(all);
    const auto width = static_cast<std::size_t>(first.width);
    for (std::size_t r = 0; r < rows.size(); r += width)
      CHECK(std::abs(std::inner_product(&rows[r], &rows[r] + width, &rows[r], 0.0) - 1) < 1e-5);
    for (int i = 0; i < first.count; ++i)
      for (std::size_t k = 0; k < width; ++k)
        CHECK(static_cast<float>(rows[static_cast<std::size_t>(at(begins, i)) * width + k]) == first.row(i)[k]);
  };
  check(head.image(t, seen.rows.rows), std::vector<int>{0, seen.rows.layout.step}, pairs.image_features(d, w.pictures));
  check(head.text(t, towers.text(t, batch.ids(), batch.layout())),
        std::vector<int>{0, static_cast<int>(j.tokens.encode(w.texts[0], longest).size())},
        pairs.text_features(d, w.texts));
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("features of every token: of unit length, the first row is that of the picture or text",
                        "[tasks]", test::golden_backends) {
  check_every_token<blip_matching<TestType>>();
  check_every_token<albef_matching<TestType>>();
}

TEMPLATE_LIST_TEST_CASE("multimodal_features: what the matching head sees, in any batch", "[tasks]",
                        test::golden_backends) {
  check_multimodal<blip_matching<TestType>>();
  check_multimodal<albef_matching<TestType>>();
}

TEST_CASE("multimodal_features: a text for each picture, or it is refused; none of both gives none", "[tasks]") {
  const tiny_judge<blip_matching<cpu>> j;
  const seen_world w = world_of(2);
  device<cpu> d({.threads = 1});
  CHECK_THROWS_AS(multimodal_features(d, *j.model, j.model.values(), j.tokens, w.pictures, {}, {.view = view}),
                  shape_error);
  CHECK(multimodal_features(d, *j.model, j.model.values(), j.tokens, {}, {}, {.view = view}).count == 0);
}
