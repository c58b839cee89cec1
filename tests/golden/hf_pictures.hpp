// SPDX-License-Identifier: Apache-2.0
#pragma once

// A case of transformers in files: its pictures, and what is expected of each of them.
#include "blip/image/image_file.hpp"
#include "blip/tasks/pretrained.hpp"
#include "hf_case.hpp"

namespace golden::hf {

struct picture_files {
  const std::string directory{c::directory};
  simdjson::padded_string text = simdjson::padded_string::load(directory + "/case.json").value();
  simdjson::dom::parser parser{};
  simdjson::dom::element json = parser.parse(text);
  std::vector<blip::image> pictures{};

  picture_files() {
    for (const auto file : simdjson::dom::array(json["images"]))
      pictures.push_back(blip::read_image(directory + "/" + std::string(file.get_string().value())));
  }
};

inline std::vector<int> ids_of(simdjson::dom::element list) {
  std::vector<int> ids;
  for (const auto id : simdjson::dom::array(list)) ids.push_back(static_cast<int>(id.get_int64().value()));
  return ids;
}

}  // namespace golden::hf
