// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

// Stable identifiers of what can go wrong; docs/reference.md lists them.
enum class error_code {
  shape,         // run-time sizes do not fit together
  config,        // a value of the configuration or an option is not usable
  format,        // a file or text is malformed
  limit,         // a limit of blip::limits was exceeded
  io,            // the operating system refused
  numeric,       // a value is not finite where it must be
  device,        // a back end is missing or failed
  distributed,   // another rank failed or disagreed
  not_placed,    // a layer was used before its parameters were laid out
};

// What every exception of the library is. At most three lines of text: what and where; expected against found; what to do.
class error : public std::exception {
 public:
  // Views for the call that takes them. The error keeps copies, made in its constructor and not at every throw, which
  // is what errors cost most to compile.
  struct facts {
    std::string_view where, expected, actual, hint;
  };

  [[gnu::cold, gnu::noinline]] error(error_code code, const facts& f)
      : code_(code), where_(f.where), expected_(f.expected), actual_(f.actual), hint_(f.hint), text_(f.where) {
    if (!expected_.empty() || !actual_.empty())
      text_.append("\n  expected ").append(expected_).append(", found ").append(actual_);
    if (!hint_.empty()) text_.append("\n  ").append(hint_);
  }

  error(const error&) = default;
  error& operator=(const error&) = default;
  [[gnu::noinline]] ~error() override {}

  error_code code() const noexcept { return code_; }
  const std::string& where() const noexcept { return where_; }
  const std::string& expected() const noexcept { return expected_; }
  const std::string& actual() const noexcept { return actual_; }
  const std::string& hint() const noexcept { return hint_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  error_code code_;
  std::string where_, expected_, actual_, hint_, text_;
};

// One type per code, so that callers can catch what they can mend.
template <error_code Code>
class error_of final : public error {
 public:
  explicit error_of(const facts& f) : error(Code, f) {}
};

using shape_error = error_of<error_code::shape>;
using config_error = error_of<error_code::config>;
using format_error = error_of<error_code::format>;
using limit_error = error_of<error_code::limit>;
using io_error = error_of<error_code::io>;
using numeric_error = error_of<error_code::numeric>;
using device_error = error_of<error_code::device>;
using distributed_error = error_of<error_code::distributed>;
using not_placed_error = error_of<error_code::not_placed>;

// Throws shape_error "op: what" unless the two numbers are equal.
inline void require_equal(const char* where, const char* what, long long actual, long long expected) {
  if (actual != expected)
    throw shape_error({std::string(where) + ": " + what, std::to_string(expected), std::to_string(actual), {}});
}

// Throws limit_error "where: what" when a number is above its bound.
inline void require_within(std::string_view where, const char* what, std::uint64_t found, std::uint64_t bound,
                           const char* hint = "") {
  if (found > bound)
    throw limit_error(
        {std::string(where) + ": " + what, "at most " + std::to_string(bound), std::to_string(found), hint});
}

}  // namespace blip::inline BLIP_ABI
