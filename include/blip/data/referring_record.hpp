// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/data/json_record.hpp"

namespace blip::inline BLIP_ABI {

// Left, top, width and height in pixels of the original picture.
using detection_box = std::array<double, 4>;

// An expression that refers to a thing in a picture, of RefCOCO+: {image, text[, ref_id]}; training has no ref_id. Where
// the thing is stands in COCO's annotations; a record may say it itself, as "box": [x, y, w, h].
struct referring_record {
  std::string image{}, text{}, ref_id{};
  std::optional<detection_box> meant{};
  std::vector<detection_box> proposed{};  // of a detector: never in the record
};
inline referring_record read_referring(const json_record& r) {
  referring_record out{r.text("image"), r.text("text"), r.has("ref_id") ? r.id("ref_id") : std::string()};
  if (!r.has("box")) return out;
  const std::vector<double> sides = r.numbers("box");
  if (sides.size() != 4 || !(sides[2] > 0 && sides[3] > 0))
    r.fail("\"box\" with four numbers, which is not empty", std::to_string(sides.size()) + " numbers");
  std::copy(sides.begin(), sides.end(), out.meant.emplace().begin());
  return out;
}

// dets.json: {image_id: [{"box": [x, y, w, h], ...}]}, the boxes that a detector proposes for each picture. Throws
// io_error; limit_error above limits::json_bytes or json_depth; format_error.
inline std::map<std::string, std::vector<detection_box>> read_detections(const std::string& path,
                                                                         const limits& bounds = {}) {
  const input_file file(path);
  const auto require = [&](bool good, const std::string& expected) {
    if (!good) throw format_error({path + ": boxes of a detector", expected, "something else", {}});
  };
  require_within(path, "bytes", file.size(), bounds.json_bytes);
  simdjson::padded_string text(static_cast<std::size_t>(file.size()));
  file.read(0, std::as_writable_bytes(std::span(text.data(), text.size())));
  simdjson::dom::parser parser;
  if (parser.allocate(std::max<std::size_t>(text.size(), 1), static_cast<std::size_t>(bounds.json_depth)))
    throw std::bad_alloc();
  simdjson::dom::object pictures;
  require(!parser.parse(text).get(pictures), "a JSON object");
  std::map<std::string, std::vector<detection_box>> out;
  for (const auto [id, value] : pictures) {
    const std::string where = "picture \"" + detail::one_line(id, 64) + "\": ";
    simdjson::dom::array found;
    require(!value.get(found), where + "a list");
    const auto [at, is_new] = out.emplace(std::string(id), std::vector<detection_box>());
    require(is_new, where + "once");
    for (const auto one : found) {
      simdjson::dom::array sides;
      require(!one["box"].get(sides) && sides.size() == 4, where + "\"box\" with four numbers");
      detection_box box{};
      std::size_t i = 0;
      for (const auto side : sides) require(!side.get(box[i++]), where + "\"box\" with four numbers");
      require(box[2] > 0 && box[3] > 0, where + "\"box\" that is not empty");
      at->second.push_back(box);
    }
  }
  return out;
}

}  // namespace blip::inline BLIP_ABI
