// SPDX-License-Identifier: Apache-2.0
#pragma once

// A very small world for the examples: two shapes in a picture, and a sentence that says what is where.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

#include "blip/core/philox.hpp"

namespace shapes {

inline constexpr int side = 32;
inline constexpr int begin_word = 1, end_word = 2;
inline const std::array<const char*, 16> vocabulary{"",      "[DEC]",  "[SEP]",  "a",      "red",      "green", "blue", "yellow",
                                                    "white", "circle", "square", "triangle", "above", "left",  "of",   ""};
inline constexpr int words() { return 16; }

// The words of a caption up to the end word.
inline std::string text(const std::vector<int>& ids) {
  std::string s;
  for (std::size_t i = 1; i < ids.size() && ids[i] != end_word; ++i)
    s += (i > 1 ? " " : "") + std::string(vocabulary[static_cast<std::size_t>(ids[i])]);
  return s;
}

// `count` pictures [count, 3 * side * side] in [-1, 1] with captions and labels (the next word, packed; -1 at the end).
struct examples {
  std::vector<float> pixels;
  std::vector<std::vector<int>> captions;
  std::vector<int> labels;

  examples(int count, std::uint64_t seed) : pixels(static_cast<std::size_t>(count) * 3 * side * side) {
    for (int i = 0; i < count; ++i) draw(i, seed);
  }

 private:
  void draw(int i, std::uint64_t seed) {
    const blip::random_site site{seed, nullptr, 77};
    const auto pick = [&](std::uint32_t what, int n) {
      return static_cast<int>(site.uniform(static_cast<std::uint32_t>(i), what, 0) * static_cast<float>(n));
    };
    const bool above = pick(0, 2) == 0;
    float* image = pixels.data() + static_cast<std::size_t>(i) * 3 * side * side;
    for (int p = 0; p < 3 * side * side; ++p) image[p] = -0.9f;
    std::vector<int> caption{begin_word};
    for (int object = 0; object < 2; ++object) {
      const auto o = static_cast<std::uint32_t>(object);
      const int colour = pick(1 + o, 5), shape = pick(3 + o, 3), along = pick(5 + o, 7) - 3, radius = 5 + pick(7 + o, 2);
      const int near = 8 + 16 * object, far = 16 + along;
      paint(image, above ? far : near, above ? near : far, radius, colour, shape);
      if (object == 1) above ? caption.push_back(12) : (caption.push_back(13), caption.push_back(14));
      caption.insert(caption.end(), {3, 4 + colour, 9 + shape});
    }
    caption.push_back(end_word);
    labels.insert(labels.end(), caption.begin() + 1, caption.end());
    labels.push_back(-1);
    captions.push_back(caption);
  }

  static void paint(float* image, int cx, int cy, int r, int colour, int shape) {
    constexpr float rgb[5][3] = {{1, -1, -1}, {-1, 0.7f, -1}, {-0.8f, -0.6f, 1}, {1, 0.9f, -1}, {1, 1, 1}};
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const int dx = x - cx, dy = y - cy;
        const bool inside = shape == 0   ? dx * dx + dy * dy <= r * r
                            : shape == 1 ? std::abs(dx) < r && std::abs(dy) < r
                                         : dy < r && dy > -r && 2 * std::abs(dx) < r + dy;
        for (int c = 0; inside && c < 3; ++c) image[(c * side + y) * side + x] = rgb[colour][c];
      }
  }
};

// One picture (if the output is a terminal with colours), with its true and its generated caption.
inline void print(const examples& e, std::size_t i, const std::string& generated) {
  const float* image = e.pixels.data() + i * 3 * side * side;
  const auto level = [&](int c, int y, int x) { return static_cast<int>((image[(c * side + y) * side + x] + 1) * 127); };
  for (int y = 0; y < side && isatty(STDOUT_FILENO); y += 2) {
    for (int x = 0; x < side; ++x)
      std::printf("\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm\u2580", level(0, y, x), level(1, y, x), level(2, y, x),
                  level(0, y + 1, x), level(1, y + 1, x), level(2, y + 1, x));
    std::printf("\033[0m\n");
  }
  std::printf("truth:     %s\ngenerated: %s\n\n", text(e.captions[i]).c_str(), generated.c_str());
}

}  // namespace shapes
