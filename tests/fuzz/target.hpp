// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/error.hpp"

namespace blip_test {

using byte_span = std::span<const std::byte>;

// A reader under attack: `run` gives it any bytes and uses all that it finds in them. Nothing but blip::error may come
// out. Whatever the input claims, the reader holds at most `each` bytes for one of the input's, and `fixed` beside.
struct fuzz_target {
  const char* name;  // also of the folder of its inputs
  void (*run)(byte_span);
  std::size_t each, fixed;
};

inline std::vector<fuzz_target>& fuzz_targets() {
  static std::vector<fuzz_target> all;
  return all;
}

// A target makes itself known: static const fuzz_registration pnm({"pnm", run, 8, 1 << 20}).
struct fuzz_registration {
  explicit fuzz_registration(const fuzz_target& t) { fuzz_targets().push_back(t); }
};

// What a target found, looked at byte by byte, so that a sanitizer sees what was read beyond an end or never written.
template <class T>
void look_at(const std::vector<T>& found) {
  static volatile unsigned sum = 0;
  for (const std::byte b : std::as_bytes(std::span(found))) sum = sum + std::to_integer<unsigned>(b);
}
inline void look_at(std::string_view text) { look_at(std::vector<char>(text.begin(), text.end())); }

inline std::string_view as_text(byte_span bytes) {
  if (bytes.empty()) return "";  // as the content of an empty file is: not a null pointer
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Throws std::logic_error for an error that breaks the rules: without a place, of more than three lines, with control
// characters, or of pages.
inline void check_error(const blip::error& e) {
  const std::string_view text = e.what();
  const auto is_control = [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f'; };
  if (e.where().empty()) throw std::logic_error("an error without a place");
  if (std::count(text.begin(), text.end(), '\n') > 2) throw std::logic_error("an error of more than three lines");
  if (std::any_of(text.begin(), text.end(), is_control)) throw std::logic_error("control characters in an error");
  if (text.size() > 16'384) throw std::logic_error("an error of " + std::to_string(text.size()) + " bytes");
}

// One of several things to do with an input: a refusal does not keep the others from being done.
template <class F>
void unless_refused(F f) {
  try {
    f();
  } catch (const blip::error& e) {
    check_error(e);
  }
}

enum class verdict { read, refused };

// Whatever else comes out is a finding.
inline verdict attempt(const fuzz_target& target, byte_span input) {
  try {
    target.run(input);
  } catch (const blip::error& e) {
    check_error(e);
    return verdict::refused;
  }
  return verdict::read;
}

}  // namespace blip_test
