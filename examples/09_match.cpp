// SPDX-License-Identifier: Apache-2.0
//
// Which of these texts belongs to this picture? A model with ITC and ITM heads says it twice: by the cosine of two
// features, which are computed apart, and by reading the picture word by word.
//   09_match [STEPS]   so many training steps; the cosine tells after 200, in seconds, reading takes a few thousand
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "blip/tasks/matcher.hpp"
#include "small_filter.hpp"

using namespace blip;

int main(int argc, char** argv) try {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 200;
  const wordpiece tokens = small::words();
  training_state<small::model> state({.seed = 1}, small::sizes(tokens), itc<scenes_features>(itc_options{.queue = 0}),
                                     itm<>({.first_token = tokens.id("[ENC]")}));
  device<cpu> dev;
  small::train(dev, state, tokens, steps);

  // Everything below holds for a model that was read from a file as well.
  const matcher match(*state, state.values(), tokens, {.view = small::view});
  const small::pictures_and_texts unseen = small::take(scenes::split::test, 0, 100);

  // One picture, several texts: it is seen once, and its keys and values are computed once.
  const std::span picture(unseen.pictures.data(), 1);
  std::vector<std::string> texts{unseen.texts[0], unseen.texts[1], "a red circle", "a picture of a colorful image"};
  std::vector<pair_of> pairs;
  for (int i = 0; i < static_cast<int>(texts.size()); ++i) pairs.push_back({0, i});
  const std::vector<double> probability = match.probabilities(dev, picture, texts, pairs);
  const feature_rows image = match.image_features(dev, picture), text = match.text_features(dev, texts);
  for (int i = 0; i < static_cast<int>(texts.size()); ++i) {
    const auto a = image.row(0), b = text.row(i);
    std::printf("match %.3f  cosine %6.3f  %s%s\n", probability[static_cast<std::size_t>(i)],
                std::inner_product(a.begin(), a.end(), b.begin(), 0.0), texts[static_cast<std::size_t>(i)].c_str(),
                i == 0 ? "  (its own)" : "");
  }

  // Many pairs: each picture with its own text, and with that of another picture.
  std::vector<std::string> others(unseen.texts.begin() + 1, unseen.texts.end());
  others.push_back(unseen.texts[0]);
  const feature_rows pictures = match.image_features(dev, unseen.pictures);
  const feature_rows own = match.text_features(dev, unseen.texts), other = match.text_features(dev, others);
  const std::vector<double> reads_own = match.probabilities(dev, unseen.pictures, unseen.texts);
  const std::vector<double> reads_other = match.probabilities(dev, unseen.pictures, others);
  int by_cosine = 0, by_reading = 0;
  for (int i = 0; i < 100; ++i) {
    const auto cosine = [&](const feature_rows& rows) {
      const auto a = pictures.row(i), b = rows.row(i);
      return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    by_cosine += cosine(own) > cosine(other);
    by_reading += reads_own[static_cast<std::size_t>(i)] > reads_other[static_cast<std::size_t>(i)];
  }
  std::printf("of 100 unseen pictures the own text is preferred to another's for %d by cosine, for %d by reading\n",
              by_cosine, by_reading);
  return steps < 200 || by_cosine > 70 ? 0 : 1;
} catch (const blip::error& e) {
  return std::fprintf(stderr, "%s\n", e.what()), 1;
}
