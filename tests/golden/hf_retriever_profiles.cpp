// SPDX-License-Identifier: Apache-2.0
//
// Each profile judges pairs of picture files and texts as its stack does.
#include <cmath>
#include <numeric>

#include "blip/tasks/matcher.hpp"
#include "blip/tasks/multimodal_features.hpp"
#include "hf_pictures.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace hf = golden::hf;

namespace {

constexpr tower_config structure = encoder_structure(hf::vision, hf::text);

double furthest(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("profiles: pairs of picture files and texts are judged as transformers does", "[golden][profile]",
                        test::golden_backends) {
  using B = TestType;
  using M = blip_retrieval<structure, B, hf::features>;
  const hf::picture_files g;
  const hf::published<B> made;
  device<B> d;
  const pretrained<M> model(d, made.folder, itc<hf::features>(itc_options{.queue = 0}), itm<>());
  std::vector<std::string> texts;
  for (const auto t : simdjson::dom::array(g.json["settings"]["texts"]))
    texts.emplace_back(t.get_string().value());
  std::vector<pair_of> pairs;
  for (int i = 0; i < static_cast<int>(g.pictures.size()); ++i)
    for (int j = 0; j < static_cast<int>(texts.size()); ++j) pairs.push_back({i, j});
  const auto judged = [&](profile p) {
    matcher_options o{.view = view_of(made.folder)};
    o.follow(rules_of(p));
    return matcher<M>(*model, model.values(), tokens_of(made.folder), o).probabilities(d, g.pictures, texts, pairs);
  };
  std::vector<double> expected;
  const auto both = made.expected.template read<double>("itm_probabilities");
  for (std::size_t i = 1; i < both.size(); i += 2) expected.push_back(both[i]);
  CHECK(furthest(judged(profile::transformers), expected) < 4e-4);
  CHECK(furthest(judged(profile::official), expected) < 4e-4);  // the same in both: [CLS]
  CHECK(furthest(judged(profile::lavis), expected) > 1e-2);     // [ENC]

  const matcher<M> any(*model, model.values(), tokens_of(made.folder), {.view = view_of(made.folder)});
  const feature_rows a = any.image_features(d, g.pictures), b = any.text_features(d, texts);
  std::vector<double> cosines;
  for (const pair_of& p : pairs) {
    const auto x = a.row(p.picture), y = b.row(p.text);
    cosines.push_back(std::inner_product(x.begin(), x.end(), y.begin(), 0.0));
  }
  CHECK(furthest(cosines, made.expected.template read<double>("itc_scores")) < 4e-4);

  // The first row of each text that has read picture 0, [texts, length, width] in the file.
  matcher_options o{.view = view_of(made.folder)};
  o.marked = rules_of(profile::transformers).marked_pairs;
  const feature_rows fused = multimodal_features(d, *model, model.values(), tokens_of(made.folder),
                                                 std::vector<image>(texts.size(), g.pictures[0]), texts, o);
  const auto states = made.expected.template read<double>("fused_states_image0");
  const auto width = static_cast<std::size_t>(fused.width), step = states.size() / texts.size();
  std::vector<double> firsts;
  for (std::size_t j = 0; j < texts.size(); ++j)
    firsts.insert(firsts.end(), states.begin() + static_cast<std::ptrdiff_t>(j * step),
                  states.begin() + static_cast<std::ptrdiff_t>(j * step + width));
  CHECK(furthest({fused.values.begin(), fused.values.end()}, firsts) < 1e-3);
}
