// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "blip/data/scenes/render.hpp"
#include "blip/data/scenes/web_caption.hpp"
#include "blip/data/scenes/world.hpp"
#include "blip/image/heat_overlay.hpp"
#include "blip/train/report/bootstrap_findings.hpp"

namespace blip_test {

// Findings as a run could have them, about pictures of the generated world, made up in milliseconds.
class made_up_findings {
 public:
  explicit made_up_findings(std::uint64_t seed = 7) : world_(blip::scenes::world_size::nano, seed) {}

  blip::bootstrap_findings all() {
    blip::bootstrap_findings f;
    f.threshold = 0.5;
    for (std::uint64_t i = 0; i < 18; ++i) f.samples.push_back(sample(i));
    f.counts = {{{26'400, 11'035}}, {{11'616, 639}},    {{26'400, 9'108}},
                {{23'496, 6'814}},  {{37'200, 11'035}}, {{45'912, 7'453}}};
    f.noise = {{"clean", "as a person would write", truth::right, 6'610, 6'346},
               {"surface", "misspelt, shouted, stray marks", truth::right, 5'281, 4'806},
               {"vague", "true, and says nothing", truth::vague, 3'474, 0},
               {"other", "of another picture", truth::wrong, 3'960, 2},
               {"colour", "one wrong colour", truth::wrong, 1'290, 13},
               {"shape", "one wrong shape", truth::wrong, 1'311, 26},
               {"size", "one wrong size", truth::wrong, 792, 8},
               {"relation", "left for right, above for below", truth::wrong, 528, 528},
               {"boilerplate", "free shipping, click here", truth::wrong, 3'154, 0}};
    f.roc = {curve("all captions", 0.883, 0.912, 0.55), curve("without vague", 0.964, 0.958, 0.2)};
    f.roc[1].used = f.roc[1].points[3];
    f.probabilities = blip::report::probability_counts{};
    for (int i = 0; i < 20; ++i) {
      const double at = (i + 0.5) / 20;
      f.probabilities->right.push_back(std::llround(60 + 640 * std::exp(-at * 9) + 5200 * std::exp((at - 1) * 11)));
      f.probabilities->wrong.push_back(std::llround(30 + 5400 * std::exp(-at * 14) + 260 * std::exp((at - 1) * 16)));
    }
    f.stages = {stage("1. Pre-training on human and web captions", 4'062,
                      {{"itc", 3.4, 0.42}, {"itm", 0.64, 0.21}, {"lm", 3.9, 1.24}}),
                stage("2. Filter, on human captions", 1'562, {{"itc", 0.6, 0.18}, {"itm", 0.25, 0.08}}),
                stage("3. Captioner, on human captions", 1'250, {{"lm", 1.3, 1.09}}),
                stage("4. Pre-training on the cleaned set", 4'062,
                      {{"itc", 3.4, 0.31}, {"itm", 0.64, 0.15}, {"lm", 3.9, 1.13}})};
    f.stages[0].references = {{"itm, guessing", 0.637}};
    f.stages[0].logarithmic = f.stages[3].logarithmic = true;
    f.retrieval = {
        {"Contrast alone", {{0.925, 0.985, 0.995}, {0.955, 0.99, 1}}, {{0.975, 0.995, 1}, {0.96, 0.995, 1}}, 200, 600},
        {"Matching head on the first 32",
         {{0.96, 0.99, 1}, {0.965, 0.995, 1}},
         {{0.99, 1, 1}, {0.985, 1, 1}},
         200,
         600}};
    f.captions = {{"all pictures", 0.514, 0.669, 1000},
                  {"pictures of two things", 0.247, 0.493, 604},
                  {"withheld pairs of colour and shape", 0.31, 0.41, 500}};
    f.decoding.nucleus = blip::report::decoding_numbers{0.564, 0.112, 9.4};
    f.decoding.beam = blip::report::decoding_numbers{0.681, 0.064, 8.8};
    for (std::uint64_t i = 30; i < 36; ++i)
      f.decoding.examples.push_back(
          {picture(i), {written(i, i % 2, 1), written(i, i % 3 == 0, 2)}, {written(i, i % 5 == 1, 3)}});
    for (std::uint64_t i = 40; i < 43; ++i) f.words.push_back(maps(i));
    f.facts = {{"World", "nano, seed 7: 26,400 web and 3,600 human pictures of 32 px"},
               {"Model", "ViT 2 \u00d7 64, patch 8; text 2 \u00d7 64; 0.30 million parameters"},
               {"Time", "4 min 12 s on 2 cores"},
               {"Seed", "7"}};
    f.notes = {"The pictures are generated, so the truth of every caption is known. On photographs it is not.",
               "One seed. Another one moves the share of true captions by about 0.03 and R@1 by 0.04 to 0.08."};
    return f;
  }

  blip::image picture(std::uint64_t i) const { return blip::scenes::render(world_.at(part, i)); }

 private:
  using truth = blip::report::truth;
  static constexpr auto part = blip::scenes::split::web_test;

  double number(std::uint64_t i, std::uint32_t slot) const {
    return world_.numbers(blip::scenes::purpose::noise, part, i).below(200 + slot, 10'000) / 10'000.0;
  }
  std::string person(std::uint64_t i, std::uint32_t which) const {
    return blip::scenes::human_caption(world_, part, i, which).text;
  }

  // What a captioner could write: a caption of this picture, or of one that is alike in nothing.
  blip::report::judged_caption written(std::uint64_t i, bool wrong, std::uint32_t which) const {
    return {person(wrong ? i + 500 : i, which), wrong ? truth::wrong : truth::right};
  }

  blip::report::sample sample(std::uint64_t i) const {
    namespace sc = blip::scenes;
    const auto said = sc::web_caption(world_, part, i);
    const bool vague = said.kind == sc::noise::vague;
    const bool high = said.kind == sc::noise::relation || (said.is_true && !vague);
    blip::report::judged_caption web{said.text, !said.is_true ? truth::wrong : vague ? truth::vague : truth::right};
    web.probability = high ? 0.99 - 0.3 * number(i, 0) : 0.2 * number(i, 1);
    web.kept = *web.probability > 0.5;
    if (said.kind != sc::noise::none) web.kind = sc::noise_names[static_cast<std::size_t>(said.kind)];
    auto model = written(i, i % 4 == 3, 2);
    model.probability = i % 8 == 7 ? 0.03 : 0.93, model.kept = i % 8 != 7;
    return {picture(i), blip::report::judged_caption{person(i, 0), truth::right}, web, model};
  }

  static blip::report::roc_curve curve(const char* name, double area, double precision, double bend) {
    blip::report::roc_curve c{name, {}, area, precision, {}};
    for (int i = 0; i <= 50; ++i) {
      const double x = i / 50.0;
      c.points.push_back({x, std::pow(x, bend * 0.35 * (1 - 0.3 * x))});
    }
    return c;
  }

  struct fall {
    const char* name;
    double from, to;
  };
  blip::report::training_stage stage(const char* name, int steps, const std::vector<fall>& losses) const {
    blip::report::training_stage s{name, {}, {}, false};
    for (const fall& l : losses) {
      blip::report::series curve{l.name, {}};
      for (int step = 0; step < steps; step += 2) {
        const double t = static_cast<double>(step) / steps;
        const double noise =
            1 + 0.1 * (number(static_cast<std::uint64_t>(step), static_cast<std::uint32_t>(l.name[2])) - 0.5);
        curve.points.push_back({static_cast<double>(step), (l.to + (l.from - l.to) * std::exp(-4 * t)) * noise});
      }
      s.losses.push_back(std::move(curve));
    }
    return s;
  }

  blip::report::word_maps maps(std::uint64_t i) const {
    const auto scene = world_.at(part, i);
    blip::report::word_maps m{picture(i), person(i, 0), {}};
    std::string rest = m.caption + ' ';
    for (std::size_t at = 0, end; (end = rest.find(' ', at)) != rest.npos; at = end + 1) {
      const std::string word = rest.substr(at, end - at);
      const auto& o = scene.objects[2 * at > rest.size() ? scene.objects.size() - 1 : 0];
      std::vector<float> map;
      for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 4; ++x) {
          const double dx = x * 8 + 4 - o.x / 256.0, dy = y * 8 + 4 - o.y / 256.0;
          map.push_back(static_cast<float>(std::exp(-(dx * dx + dy * dy) / 90) +
                                           0.2 * number(at, static_cast<std::uint32_t>(4 * y + x))));
        }
      m.words.push_back({word, blip::heat_overlay(m.picture, map, 4, 4)});
    }
    return m;
  }

  blip::scenes::world world_;
};

}  // namespace blip_test
