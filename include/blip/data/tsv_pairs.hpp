// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/captioned_record.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/record_file.hpp"

namespace blip::inline BLIP_ABI {

// Which column is which, counted from 0. The default is image TAB caption; Conceptual Captions has caption TAB url: {1, 0}.
struct tsv_columns {
  int image = 0, caption = 1;
};

// Pairs of a file of lines with columns between tabs. A picture named by a URL is expected under the URL's file name below
// the root. Throws format_error for a line without the two columns, limit_error for a caption above limits::caption_bytes.
class tsv_pairs {
 public:
  tsv_pairs(record_file file, picture_root pictures, tsv_columns columns = {})
      : file_(std::move(file)), pictures_(std::move(pictures)), columns_(columns) {
    if (columns.image < 0 || columns.caption < 0 || columns.image == columns.caption)
      throw config_error({"tsv_pairs: columns", "two numbers from 0 on that differ",
                          std::to_string(columns.image) + " and " + std::to_string(columns.caption), {}});
  }

  std::uint64_t size() const { return file_.size(); }
  captioned_record record(std::uint64_t i) const {
    const std::string line = file_.text(i);
    std::string_view image = column(i, line, columns_.image);
    const std::string_view caption = column(i, line, columns_.caption);
    if (image.empty()) throw format_error({file_.where(i), "the name of a picture", "nothing", {}});
    require_within(file_.where(i), "bytes of the caption", caption.size(), file_.bounds().caption_bytes);
    std::string name = image.find("://") == image.npos ? std::string(image) : url_file_name(image);
    return {name, {std::string(caption)}, name};
  }
  captioned_picture sample(std::uint64_t i) const {
    captioned_record r = record(i);
    return {pictures_.read(r.image), std::move(r.captions[0]), std::move(r.id)};
  }

 private:
  std::string_view column(std::uint64_t i, std::string_view line, int number) const {
    for (int k = 0;; ++k) {
      const std::size_t end = line.find('\t');
      if (k == number) return line.substr(0, end);
      if (end == line.npos)
        throw format_error({file_.where(i), std::to_string(number + 1) + " columns between tabs", std::to_string(k + 1), {}});
      line.remove_prefix(end + 1);
    }
  }

  record_file file_;
  picture_root pictures_;
  tsv_columns columns_;
};

}  // namespace blip::inline BLIP_ABI
