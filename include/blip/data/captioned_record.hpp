// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/philox.hpp"
#include "blip/data/json_record.hpp"
#include "blip/data/pair_source.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/record_file.hpp"

namespace blip::inline BLIP_ABI {

// The file name at the end of a URL, without a query: under what name a picture of a list of URLs is expected.
inline std::string url_file_name(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  return std::string(url.substr(url.find_last_of('/') + 1));
}

// A picture and what was said about it, as the lists of ALBEF and BLIP hold them:
//   pre-training              {image, caption}, where ALBEF's caption may be a list
//   bootstrapped              {url, caption}
//   COCO, Flickr30k training  {image, caption, image_id}, one caption each
//   COCO, Flickr30k testing   {image, caption: [...]}
//   NoCaps                    {image, img_id}, without a caption
//   RefCOCO+                  {image, text}
struct captioned_record {
  std::string image{};  // a path, or the file name of the URL
  std::vector<std::string> captions{};
  std::string id{};  // image_id or img_id; else the image
};

// Throws what json_record throws.
inline captioned_record read_captioned(const json_record& r) {
  captioned_record out;
  out.image = r.has("image") || !r.has("url") ? r.text("image") : url_file_name(r.text("url"));
  if (out.image.empty()) r.fail("the name of a picture", "nothing");
  const bool refers = r.has("text") && !r.has("caption");
  if (refers || r.has("caption") || !r.has("img_id")) out.captions = r.texts(refers ? "text" : "caption");
  out.id = r.has("image_id") ? r.id("image_id") : r.has("img_id") ? r.id("img_id") : out.image;
  return out;
}

// The number that COCO gives a picture: the digits behind the last underscore of the file's name, as in
// COCO_val2014_000000184613.jpg. Empty for other names.
inline std::optional<std::int64_t> coco_image_number(std::string_view path) {
  std::string_view stem = path.substr(path.find_last_of('/') + 1);
  stem = stem.substr(0, stem.find_last_of('.'));
  const std::string_view digits = stem.substr(stem.find_last_of('_') + 1);
  std::int64_t number = 0;
  const auto [end, e] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (e != std::errc() || end != digits.data() + digits.size() || digits.empty() || number < 0) return std::nullopt;
  return number;
}

// Pairs of a JSON list or JSONL file of captioned records; pictures are read and decoded when a sample is asked for.
// Where a record has several captions, one is picked for each turn, by (i, turn) alone.
class record_pairs {
 public:
  record_pairs(record_file file, picture_root pictures) : file_(std::move(file)), pictures_(std::move(pictures)) {}

  std::uint64_t size() const { return file_.size(); }
  captioned_record record(std::uint64_t i) const {
    return read_captioned(json_record(file_.text(i), file_.where(i), file_.bounds()));
  }
  captioned_picture sample(std::uint64_t i, std::uint64_t turn = 0) const {
    captioned_record r = record(i);
    if (r.captions.empty()) throw format_error({file_.where(i), "a caption", "none", {}});
    const std::uint32_t dice = philox({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i >> 32),
                                       static_cast<std::uint32_t>(turn), static_cast<std::uint32_t>(turn >> 32)},
                                      {0xca9710u, 0})[0];
    const auto which = static_cast<std::size_t>((std::uint64_t{dice} * r.captions.size()) >> 32);
    return {pictures_.read(r.image), std::move(r.captions[which]), std::move(r.id)};
  }

 private:
  record_file file_;
  picture_root pictures_;
};

}  // namespace blip::inline BLIP_ABI
