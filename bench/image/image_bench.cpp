// SPDX-License-Identifier: Apache-2.0
#include "blip/image/decode_image.hpp"
#include "blip/image/encode_jpeg.hpp"
#include "blip/image/encode_png.hpp"
#include "blip/image/pixel_statistics.hpp"
#include "blip/image/training_view.hpp"
#include "support/bench.hpp"

namespace {

using namespace blip;
using namespace bench;

constexpr int height = 480, width = 640, side = 384;

// Gentle waves with noise: a JPEG of about the size of a photograph's.
const image& photograph() {
  static const image made = [] {
    image p(height, width);
    const std::vector<float> grain = noise(p.pixels.size(), 1);
    for (std::size_t i = 0; i < p.pixels.size(); ++i) {
      const auto y = static_cast<double>(i / (3 * width)), x = static_cast<double>(i / 3 % width);
      const double wave = std::sin(x * 0.031 + static_cast<double>(i % 3)) + std::cos(y * 0.023 + x * 0.007);
      p.pixels[i] = static_cast<std::uint8_t>(128 + 50 * wave + 12 * static_cast<double>(grain[i]));
    }
    return p;
  }();
  return made;
}

// One picture an iteration, on one thread: loaders work on many at once.
template <class F>
void picture(const std::string& thing, double bytes, F call) {
  add(thing, threads_only()[0], height, width, {0, bytes, 1},
      [=]() -> iteration { return [call]() mutable { benchmark::DoNotOptimize(call()); }; });
}

const bool registered = [] {
  constexpr double pixels = 3.0 * height * width, small = 3.0 * side * side;
  static const auto jpeg = encode_jpeg(photograph(), {.quality = 90});
  static const auto progressive = encode_jpeg(photograph(), {.quality = 90, .progressive = true});
  static const auto png = encode_png(photograph());
  static const image view = resize(photograph(), side, side);
  picture("decode_jpeg", pixels, [] { return decode_image(jpeg); });
  picture("decode_jpeg_progressive", pixels, [] { return decode_image(progressive); });
  picture("decode_png", pixels, [] { return decode_image(png); });
  picture("resize_bicubic", pixels + small, [] { return resize(photograph(), side, side); });
  picture("resize_bilinear", pixels + small, [] { return resize(photograph(), side, side, resize_filter::bilinear); });
  picture("normalise", 5 * small, [] { return normalise(std::span(&view, 1)); });
  picture("decode_resize_normalise", 2 * pixels + 6 * small, [] {
    const image seen = resize(decode_image(jpeg), side, side);
    return normalise(std::span(&seen, 1));
  });
  picture("training_view", pixels + small, [n = std::uint64_t{0}]() mutable {
    return training_view(photograph(), {1, n++, 0}, {.height = side, .width = side, .augment = {.magnitude = 7}});
  });
  for (std::size_t i = 0; i < augment_op_names.size(); ++i)
    picture(std::string("augment_") + augment_op_names[i], 2 * small, [i] {
      image changed = view;
      augment(changed, {static_cast<augment_op>(i), 7, false});
      return changed;
    });
  picture("encode_jpeg", pixels, [] { return encode_jpeg(photograph()); });
  picture("encode_png", pixels, [] { return encode_png(photograph()); });
  return true;
}();

}  // namespace
