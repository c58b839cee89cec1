// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/core/limits.hpp"
#include "blip/io/safetensors.hpp"

namespace blip::inline BLIP_ABI {

// What the header of an .npy file says.
struct npy_header {
  stored_type type = stored_type::f32;
  bool fortran = false;  // the first index runs fastest
  std::vector<std::uint64_t> shape{};
};

namespace detail {

struct npy_type {
  std::string_view name;
  stored_type type;
};
// Little-endian numbers. The byte order of single bytes is written as | .
inline constexpr std::array<npy_type, 12> npy_types{{{"<f8", stored_type::f64},
                                                     {"<f4", stored_type::f32},
                                                     {"<f2", stored_type::f16},
                                                     {"<i8", stored_type::i64},
                                                     {"<i4", stored_type::i32},
                                                     {"<i2", stored_type::i16},
                                                     {"|i1", stored_type::i8},
                                                     {"<u8", stored_type::u64},
                                                     {"<u4", stored_type::u32},
                                                     {"<u2", stored_type::u16},
                                                     {"|u1", stored_type::u8},
                                                     {"|b1", stored_type::boolean}}};

// Reads the header's text, for example {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and blanks: exactly
// these three keys, in any order, with values of these forms. Nothing is evaluated.
class npy_header_parser {
 public:
  npy_header_parser(std::string_view text, std::string where, const limits& bounds)
      : text_(text), where_(std::move(where)), bounds_(bounds) {}

  [[gnu::cold]] npy_header parse() {
    npy_header h;
    unsigned seen = 0;
    expect("{");
    while (!accept("}")) {
      const std::string_view key = quoted();
      const unsigned bit = key == "descr" ? 1 : key == "fortran_order" ? 2 : key == "shape" ? 4 : 0;
      if (bit == 0 || (seen & bit) != 0) fail("descr, fortran_order and shape, once each");
      seen |= bit;
      expect(":");
      if (bit == 1) h.type = type();
      if (bit == 2) h.fortran = accept("True") || (expect("False"), false);
      if (bit == 4) h.shape = shape();
      if (!accept(",")) {
        expect("}");
        break;
      }
    }
    skip_blanks();
    if (seen != 7 || at_ != text_.size()) fail("descr, fortran_order and shape, and nothing behind");
    return h;
  }

 private:
  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view hint = {}) const {
    throw format_error({where_ + ": not a NumPy array (header, character " + std::to_string(at_) + ")", expected,
                        "something else", hint});
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(std::string_view word) {
    if (!accept(word)) fail(word);
  }

  [[gnu::cold]] std::string_view quoted() {
    const char quote = accept("'") ? '\'' : (expect("\""), '"');
    const auto end = text_.find(quote, at_);
    if (end == text_.npos || text_.substr(at_, end - at_).find('\\') != text_.npos) fail("a text in quotes");
    const std::string_view s = text_.substr(at_, end - at_);
    at_ = end + 1;
    return s;
  }

  [[gnu::cold]] stored_type type() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[') fail("an array of numbers", "arrays of records are not read");
    const std::string_view name = quoted();
    for (const npy_type& t : npy_types)
      if (t.name == name) return t.type;
    fail("little-endian numbers (such as <f4) as descr", "nothing was evaluated; save the arrays as numbers");
  }

  [[gnu::cold]] std::vector<std::uint64_t> shape() {
    std::vector<std::uint64_t> s;
    expect("(");
    bool comma = true;  // (5,) needs one, and (5) is a number
    while (!accept(")")) {
      if (!comma) fail("a comma");
      skip_blanks();
      std::uint64_t n = 0;
      const char* first = text_.data() + at_;
      const auto [end, failure] = std::from_chars(first, text_.data() + text_.size(), n);
      if (failure != std::errc() || (*first == '0' && end - first > 1)) fail("a size");
      at_ += static_cast<std::size_t>(end - first);
      if (n > bounds_.dimension || s.size() >= static_cast<std::size_t>(bounds_.rank))
        throw limit_error(
            {where_ + ": shape",
             "at most " + std::to_string(bounds_.rank) + " sizes of at most " + std::to_string(bounds_.dimension),
             "more",
             {}});
      s.push_back(n);
      comma = accept(",");
    }
    if (s.size() == 1 && !comma) fail("a comma");
    return s;
  }

  std::string_view text_;
  std::string where_;
  const limits& bounds_;
  std::size_t at_ = 0;
};

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
