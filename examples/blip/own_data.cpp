// SPDX-License-Identifier: Apache-2.0
#include "own_data.hpp"

#include <algorithm>

#include "blip/data/collect_words.hpp"
#include "blip/data/open_pair_set.hpp"
#include "blip/image/decode_image.hpp"
#include "blip/image/resize.hpp"
#include "blip/io/crc32c.hpp"
#include "blip/text/tokenizer_json.hpp"

namespace tool {
namespace {

blip::pair_set open_one(const blip::data_spec& spec, int side) {
  const blip::picture_decoder decode = decoder_for(side);
  return spec.kind == blip::data_kind::webdataset ? open_shards(spec, decode) : blip::open_pair_set(spec, decode);
}

}  // namespace

blip::picture_decoder decoder_for(int side) {
  return [side](std::span<const std::byte> bytes, const std::string& name) {
    blip::image whole = blip::decode_image(bytes, {}, name);
    return side > 0 ? blip::resize(whole, side, side, blip::resize_filter::bicubic) : whole;
  };
}

blip::pair_set open_data(const std::vector<std::string>& specs, int side) {
  std::vector<blip::pair_set> sets;
  for (const std::string& s : specs) sets.push_back(open_one(blip::parse_data_spec(s), side));
  return blip::join_pairs(std::move(sets));
}

std::vector<weighted_set> open_weighted(const std::vector<std::string>& specs, int side) {
  std::vector<weighted_set> all;
  for (const std::string& text : specs) {
    blip::data_spec spec = blip::parse_data_spec(text);
    std::vector<blip::data_spec> parts{spec};
    if (spec.kind == blip::data_kind::scenes && !spec.part) {  // a whole world: what people and what the web say
      parts = {spec, spec};
      parts[0].part = blip::scenes::split::human, parts[1].part = blip::scenes::split::web;
    }
    double whole = 0;
    const std::size_t first = all.size();
    for (const blip::data_spec& p : parts) {
      all.push_back({open_one(p, side)});
      whole += static_cast<double>(all.back().pairs.size());
    }
    for (std::size_t k = first; k < all.size(); ++k)
      all[k].weight = spec.weight * static_cast<double>(all[k].pairs.size()) / std::max(whole, 1.0);
  }
  return all;
}

blip::vocabulary words_for(const std::string& file, const std::vector<blip::pair_set>& sets) {
  if (file.ends_with(".json")) return blip::load_tokenizer_json(file);
  if (!file.empty()) return blip::load_vocabulary(file);
  return blip::vocabulary(blip::collect_words(sets));
}

std::string mark_of(const blip::wordpiece& tokens) {
  std::string all;
  for (int id = 0; id < tokens.size(); ++id) all += tokens.tokens().token(id) + '\n';
  return std::to_string(blip::crc32c(std::as_bytes(std::span(all))));
}

std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace tool
