// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/core/file.hpp"

namespace blip::inline BLIP_ABI {

// Pictures of a folder and of all folders in it (.jpg, .jpeg, .png, .ppm), in the order of their paths; the caption of
// a/b.jpg is the text of a/b.txt, without white space at its ends. Links to folders are not followed. Throws io_error,
// limit_error; format_error for a folder without pictures.
class folder_pairs {
 public:
  folder_pairs(const std::string& folder, picture_decoder decode, const limits& bounds = {})
      : folder_(folder), pictures_(folder, std::move(decode), bounds), bounds_(bounds) {
    std::error_code refused;
    for (std::filesystem::recursive_directory_iterator at(folder_, refused), end; !refused && at != end;
         at.increment(refused)) {
      std::string ending = at->path().extension().string();
      for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      std::error_code gone;
      if ((ending == ".jpg" || ending == ".jpeg" || ending == ".png" || ending == ".ppm") && at->is_regular_file(gone))
        names_.push_back(at->path().lexically_relative(folder_).string());
    }
    if (refused) throw io_error({folder + ": reading the folder failed", {}, {}, refused.message()});
    if (names_.empty()) throw format_error({folder + ": pictures", "at least one", "none", {}});
    std::sort(names_.begin(), names_.end());
  }

  std::uint64_t size() const { return names_.size(); }
  const std::string& name(std::uint64_t i) const { return names_.at(static_cast<std::size_t>(i)); }
  captioned_picture sample(std::uint64_t i) const {
    std::string text = caption(i);
    return {pictures_.read(name(i)), std::move(text), name(i)};
  }
  std::string caption(std::uint64_t i) const {
    const std::string path = pictures_.resolve(std::filesystem::path(name(i)).replace_extension(".txt").string());
    std::string text = read_file<std::string>(path, bounds_.caption_bytes, "bytes of the caption");
    constexpr const char* white = " \t\r\n";
    const std::size_t begin = std::min(text.find_first_not_of(white), text.size());
    return text.substr(begin, text.find_last_not_of(white) + 1 - begin);
  }

 private:
  std::filesystem::path folder_;
  picture_root pictures_;
  limits bounds_;
  std::vector<std::string> names_;
};

}  // namespace blip::inline BLIP_ABI
