// SPDX-License-Identifier: Apache-2.0
//
// Search. Features, computed once, give every query a shortlist; the model then reads the shortlist's pairs only.
// States of pictures are kept up to a bound on memory; those beyond it are seen a second time, and nothing else
// changes.
//   10_retrieve [STEPS]   so many training steps: 150 are enough for features, reading takes a few thousand
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "blip/eval/retrieval_recall.hpp"
#include "blip/tasks/retriever.hpp"
#include "small_filter.hpp"

using namespace blip;

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 150;
  const wordpiece tokens = small::words();
  training_state<small::model> state({.seed = 1}, small::sizes(tokens), itc<scenes_features>(itc_options{.queue = 0}),
                                     itm<>({.first_token = tokens.id("[ENC]")}));
  device<cpu> dev;
  small::train(dev, state, tokens, steps);

  const small::pictures_and_texts unseen = small::take(scenes::split::test, 0, 80);
  const retriever find(*state, state.values(), tokens, {.view = small::view, .longest = 30, .shortlist = 8});
  const auto pictures = find.pictures(dev, unseen.pictures);
  const auto texts = find.texts(dev, unseen.texts);

  std::printf("query: %s\n", unseen.texts[3].c_str());
  const auto best = find.find_pictures(dev, pictures, find.texts(dev, {&unseen.texts[3], 1}), 3);
  for (const found_match& m : best[0])
    std::printf("  picture %2d  score %6.3f = logit %6.3f + cosine %5.3f  (%s)\n", m.number, m.score, m.logit,
                m.similarity, unseen.texts[static_cast<std::size_t>(m.number)].c_str());

  // Both directions at once: a pair that two shortlists share is read once.
  std::vector<int> own(unseen.texts.size());
  std::iota(own.begin(), own.end(), 0);
  const auto report = [&](const char* name, const retrieval_matrices& m) {
    const retrieval_scores r = retrieval_recall(m.image_rows(), m.text_rows(), own);
    std::printf("%s: R@1 %.1f, R@5 %.1f for pictures, %.1f, %.1f for texts; %zu pairs read\n", name, r.image_to_text.r1,
                r.image_to_text.r5, r.text_to_image.r1, r.text_to_image.r5, m.pairs_read);
  };
  const retriever compare(*state, state.values(), tokens, {.view = small::view, .longest = 30, .shortlist = 0});
  report("features alone", compare.scores(dev, pictures, texts));
  const retrieval_matrices read = find.scores(dev, pictures, texts);
  report("8 of 80 read  ", read);

  const retriever frugal(*state, state.values(), tokens,
                         {.view = small::view, .longest = 30, .shortlist = 8, .picture_bytes = 100'000});
  const auto some = frugal.pictures(dev, unseen.pictures);
  const bool same = frugal.scores(dev, some, texts).image_to_text == read.image_to_text;
  std::printf("states of all pictures %llu bytes, under the bound %llu: %s scores\n",
              static_cast<unsigned long long>(pictures.bytes), static_cast<unsigned long long>(some.bytes),
              same ? "the same" : "other");
  return same ? 0 : 1;
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
