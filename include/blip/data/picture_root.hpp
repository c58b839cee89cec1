// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/one_line.hpp"
#include "blip/image/image.hpp"
#include "blip/core/file.hpp"

namespace blip::inline BLIP_ABI {

// Makes pixels of a file's bytes; `name` is for its errors. Several threads call it at once. For instance
// [](auto bytes, auto& name) { return decode_image(bytes, {}, name); }
using picture_decoder = std::function<image(std::span<const std::byte>, const std::string& name)>;

// Where the pictures that an annotation names lie. With a root, every name must lead below it, through symbolic links as
// well: annotations come from others. Without one, names are paths as they stand. Throws io_error, format_error for a name
// that leaves the root, limit_error for a file above limits::image_bytes, and what the decoder throws.
class picture_root {
 public:
  explicit picture_root(const std::string& root, picture_decoder decode, limits bounds = {})
      : decode_(std::move(decode)), bounds_(bounds) {
    if (!decode_) throw config_error({"picture_root: decoder", "a function", "none", {}});
    if (root.empty()) return;
    std::error_code refused;
    root_ = std::filesystem::canonical(root, refused);
    if (refused) throw io_error({root + ": opening the folder of pictures failed", {}, {}, refused.message()});
  }

  std::string resolve(std::string_view name) const {
    if (name.empty() || name.find('\0') != name.npos)
      throw format_error({"the name of a picture", "a path", name.empty() ? "nothing" : "a zero byte in it", {}});
    if (root_.empty()) return std::string(name);
    std::error_code refused;
    const auto path = std::filesystem::weakly_canonical(root_ / name, refused);
    if (refused)
      throw io_error({detail::one_line((root_ / name).string()) + ": opening failed", {}, {}, refused.message()});
    const auto relative = path.lexically_relative(root_);
    if (relative.empty() || *relative.begin() == "..")
      throw format_error({"the name of a picture", "a path below the root folder",
                          "\"" + detail::one_line(name, 200) + "\"", {}});
    return path.string();
  }

  image read(std::string_view name) const {
    const std::string path = resolve(name);
    return decode_(read_file<std::vector<std::byte>>(path, bounds_.image_bytes), path);
  }

 private:
  std::filesystem::path root_;
  picture_decoder decode_;
  limits bounds_;
};

}  // namespace blip::inline BLIP_ABI
