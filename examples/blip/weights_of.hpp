// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "blip/io/model_folder.hpp"

namespace tool {

// The weights at a path: a file, or those of a folder in the layout of Hugging Face.
inline blip::weights_file weights_of(const std::string& path) {
  std::error_code none;
  return std::filesystem::is_directory(path, none) ? blip::model_folder(path).weights() : blip::weights_file(path);
}

}  // namespace tool
