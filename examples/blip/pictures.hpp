// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "blip/image/image_file.hpp"
#include "common.hpp"
#include "opened_model.hpp"

namespace tool {

inline void add_profile(CLI::App& c, std::string& o) {
  c.add_option("--profile", o,
               "Whose results to give: official, lavis or transformers; default: by the names of the weights, but pairs "
               "are judged as BLIP was trained, from [ENC]")
      ->check(CLI::IsMember(std::vector<std::string>(blip::profile_names.begin(), blip::profile_names.end())));
}
inline void add_model(CLI::App& c, model_options& o) {
  c.add_option("--model", o.path, "A folder in the layout of Hugging Face, or a file of weights")->required();
  c.add_option("--preset", o.preset, "The size of the model in a file: blip-base, albef-base, scenes");
  c.add_option("--vocab", o.vocabulary, "vocab.txt of the model in a file");
  add_profile(c, o.profile);
}

// The files that --image names and those of the folder that --images names, in the order of their names.
struct picture_options {
  std::vector<std::string> files;
  std::string folder;

  std::vector<std::string> all() const {
    std::vector<std::string> names = files;
    if (folder.empty()) return names;
    std::error_code refused;
    std::vector<std::string> found;
    for (std::filesystem::directory_iterator at(folder, refused), end; !refused && at != end; at.increment(refused))
      if (is_picture(at->path().extension().string())) found.push_back(at->path().string());
    if (refused) throw blip::io_error({folder + ": reading the folder failed", {}, {}, refused.message()});
    if (found.empty())
      throw blip::config_error({folder + ": pictures", "names with .jpg, .jpeg, .png, .ppm or .pgm", "none", {}});
    std::sort(found.begin(), found.end());
    names.insert(names.end(), found.begin(), found.end());
    return names;
  }

 private:
  static bool is_picture(std::string ending) {
    for (char& c : ending)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (const char* known : {".jpg", ".jpeg", ".png", ".ppm", ".pgm"})
      if (ending == known) return true;
    return false;
  }
};

inline std::vector<blip::image> read_pictures(std::span<const std::string> names) {
  std::vector<blip::image> pictures;
  for (const std::string& name : names) pictures.push_back(blip::read_image(name));
  return pictures;
}

}  // namespace tool
