// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/data/json_record.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/record_file.hpp"

namespace blip::inline BLIP_ABI {

// Where a text of a bootstrapped set comes from: found with the picture, or made by a captioner.
enum class text_source : std::uint8_t { web, synthetic };
inline constexpr std::array<std::string_view, 2> text_source_names{"web", "synthetic"};

// A line that CapFilt writes: {"image":"...","caption":"...","source":"web","itm_probability":0.9}. The probability is
// null where no filter judged.
struct filtered_record {
  std::string image{}, caption{};
  text_source source = text_source::web;
  std::optional<float> itm_probability{};

  friend bool operator==(const filtered_record&, const filtered_record&) = default;
};

// `where` begins the texts of errors. Throws format_error, limit_error.
inline filtered_record read_filtered(std::string_view line, std::string where, const limits& bounds = {}) {
  const json_record r(line, std::move(where), bounds);
  filtered_record out{r.text("image"), r.text("caption")};
  if (out.image.empty()) r.fail("the name of a picture", "nothing");
  const std::string source = r.text("source");
  if (source == text_source_names[1])
    out.source = text_source::synthetic;
  else if (source != text_source_names[0])
    r.fail("\"source\": \"web\" or \"synthetic\"", "another value");
  simdjson::dom::parser parser;
  const auto value = parser.parse(line.data(), line.size())["itm_probability"];
  double p = -1;
  if (value.is_null()) return out;
  if (value.get(p) != simdjson::SUCCESS || !(p >= 0 && p <= 1))
    r.fail("\"itm_probability\": a number from 0 to 1, or null", "another value, or none");
  out.itm_probability = static_cast<float>(p);
  return out;
}

// The pairs of a finished file of CapFilt, one for each line. `picture` finds the picture that a line names, for
// instance picture_root::read or scenes::named_picture; several threads call it at once. Memory holds where each line
// lies, not the texts. Throws io_error, and for a sample format_error, limit_error and what `picture` throws.
class filtered_pairs {
 public:
  using picture_finder = std::function<image(const std::string& name)>;

  filtered_pairs(const std::string& path, picture_finder picture, const limits& bounds = {})
      : file_(record_file::lines(path, bounds)), picture_(std::move(picture)) {
    if (!picture_) throw config_error({"filtered_pairs: how to find a picture", "a function", "none", {}});
  }

  std::uint64_t size() const { return file_.size(); }
  filtered_record record(std::uint64_t i) const { return read_filtered(file_.text(i), file_.where(i), file_.bounds()); }
  captioned_picture sample(std::uint64_t i) const {
    filtered_record r = record(i);
    image picture = picture_(r.image);
    return {std::move(picture), std::move(r.caption), std::move(r.image)};
  }

 private:
  record_file file_;
  picture_finder picture_;
};
static_assert(pair_source<filtered_pairs>);

}  // namespace blip::inline BLIP_ABI
