// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "blip/io/json_fields.hpp"

namespace blip::inline BLIP_ABI {

// What preprocessor_config.json of transformers says of a picture on its way to the vision tower:
// resized to height x width by Pillow's filter, then (value scale - mean) / deviation by channel.
struct preprocessor_config {
  int height = 384, width = 384;
  int filter = 3;  // Pillow's number; 3: bicubic
  double scale = 1.0 / 255;
  std::array<double, 3> mean{0.48145466, 0.4578275, 0.40821073}, deviation{0.26862954, 0.26130258, 0.27577711};
};

// Reads it; an absent field has the default of transformers' BlipImageProcessor. Throws io_error, limit_error,
// format_error (also for a step that is switched off, because BLIP's models have them all).
[[gnu::cold]] inline preprocessor_config read_preprocessor_config(const std::string& path, const limits& bounds = {}) {
  const json_fields all(path, bounds);
  preprocessor_config c;
  for (const char* step : {"do_resize", "do_rescale", "do_normalize"})
    if (!all.truth(step, true)) all.fail(step, "true", "false", "pictures are resized, scaled and normalised");
  if (all.has("size")) {
    int side = 0;
    try {
      side = all.integer("size", 0, 1, 1 << 15);
    } catch (const format_error&) {  // not the old form, one number
    }
    const auto size = side > 0 ? std::nullopt : all.object("size");
    c.height = size ? size->integer("height", 0, 1, 1 << 15) : side;
    c.width = size ? size->integer("width", 0, 1, 1 << 15) : side;
    if (c.height == 0 || c.width == 0) all.fail("size", "height and width", "something else");
  }
  c.filter = all.integer("resample", 3, 0, 5);
  c.scale = all.number("rescale_factor", 1.0 / 255);
  const auto three = [&](const char* name, std::array<double, 3>& to) {
    const std::vector<double> found = all.list<double>(name, "three numbers");
    if (found.empty()) return;
    if (found.size() != 3) all.fail(name, "three numbers", std::to_string(found.size()));
    for (std::size_t i = 0; i < 3; ++i) to[i] = found[i];
  };
  three("image_mean", c.mean), three("image_std", c.deviation);
  for (const double d : c.deviation)
    if (!(d > 0)) all.fail("image_std", "positive numbers", "another");
  return c;
}

// The text of the file.
inline std::string preprocessor_json(const preprocessor_config& c) {
  const auto number = [](double v) {
    std::array<char, 32> text{};
    return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), v).ptr);
  };
  const auto three = [&](const std::array<double, 3>& v) {
    return "[" + number(v[0]) + ", " + number(v[1]) + ", " + number(v[2]) + "]";
  };
  return "{\n  \"do_convert_rgb\": true,\n  \"do_normalize\": true,\n  \"do_rescale\": true,\n  \"do_resize\": true,\n"
         "  \"image_mean\": " +
         three(c.mean) +
         ",\n  \"image_processor_type\": \"BlipImageProcessor\",\n  \"image_std\": " + three(c.deviation) +
         ",\n  \"processor_class\": \"BlipProcessor\",\n  \"resample\": " + std::to_string(c.filter) +
         ",\n  \"rescale_factor\": " + number(c.scale) + ",\n  \"size\": {\"height\": " + std::to_string(c.height) +
         ", \"width\": " + std::to_string(c.width) + "}\n}\n";
}

}  // namespace blip::inline BLIP_ABI
