// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "blip/core/file.hpp"
#include "blip/core/limits.hpp"
#include "blip/text/code_points.hpp"

namespace blip::inline BLIP_ABI {

// The tokens of a tokenizer: number i is the token with id i. All differ, none is empty, all are UTF-8. A vocabulary is
// bounded like the header of a tensor file (limits: header_bytes, tensors, name_bytes). Throws format_error and
// limit_error that name file and line.
class vocabulary {
 public:
  vocabulary() = default;
  explicit vocabulary(const std::vector<std::string>& tokens, const limits& bounds = {}) {
    for (const std::string& t : tokens) add(t, "vocabulary", bounds);
  }

  int size() const { return static_cast<int>(tokens_.size()); }
  const std::string& token(int id) const { return tokens_.at(static_cast<std::size_t>(id)); }
  // The id of a token, or -1.
  int find(std::string_view token) const {
    const auto at = ids_.find(token);
    return at == ids_.end() ? -1 : at->second;
  }
  // Bytes of the longest token.
  std::size_t longest() const { return longest_; }

  // Appends a token and returns its id; `where` begins the text of errors.
  [[gnu::cold]] int add(std::string_view token, const std::string& where, const limits& bounds = {}) {
    const std::string place = where + ": token " + std::to_string(tokens_.size());
    if (token.empty()) throw format_error({place, "a token", "nothing", {}});
    require_within(place, "bytes", token.size(), bounds.name_bytes);
    require_within(where, "tokens", tokens_.size() + 1, bounds.tensors);
    to_code_points(token, place);
    const auto [at, is_new] = ids_.emplace(token, size());
    if (!is_new) throw format_error({place, "every token once", "token " + std::to_string(at->second) + " again", {}});
    tokens_.emplace_back(token);
    longest_ = std::max(longest_, token.size());
    return at->second;
  }

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int, hash, std::equal_to<>> ids_;
  std::size_t longest_ = 0;
};

// The content of a vocab.txt: one token per line, the line number counted from 0 is the id. Lines end with LF or CR LF,
// the last one may lack it.
[[gnu::cold]] inline vocabulary parse_vocabulary(std::string_view text, const std::string& where = "vocab.txt",
                                                 const limits& bounds = {}) {
  require_within(where, "bytes", text.size(), bounds.header_bytes);
  vocabulary v;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    v.add(line, where, bounds);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (v.size() == 0) throw format_error({where, "a token per line", "an empty file", {}});
  return v;
}

// Reads a vocab.txt. Throws io_error as well.
inline vocabulary load_vocabulary(const std::string& path, const limits& bounds = {}) {
  return parse_vocabulary(read_file<std::string>(path, bounds.header_bytes), path, bounds);
}

}  // namespace blip::inline BLIP_ABI
