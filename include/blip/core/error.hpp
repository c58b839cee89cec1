// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

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
  struct facts {
    std::string where, expected, actual, hint;
  };

  error(error_code code, facts f) : code_(code), facts_(std::move(f)) {
    text_ = facts_.where;
    if (!facts_.expected.empty() || !facts_.actual.empty())
      text_ += "\n  expected " + facts_.expected + ", found " + facts_.actual;
    if (!facts_.hint.empty()) text_ += "\n  " + facts_.hint;
  }

  error_code code() const noexcept { return code_; }
  const std::string& where() const noexcept { return facts_.where; }
  const std::string& expected() const noexcept { return facts_.expected; }
  const std::string& actual() const noexcept { return facts_.actual; }
  const std::string& hint() const noexcept { return facts_.hint; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  error_code code_;
  facts facts_;
  std::string text_;
};

// One type per code, so that callers can catch what they can mend.
template <error_code Code>
class error_of final : public error {
 public:
  explicit error_of(facts f) : error(Code, std::move(f)) {}
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
inline void require_within(const std::string& where, const char* what, std::uint64_t found, std::uint64_t bound,
                           const char* hint = "") {
  if (found > bound)
    throw limit_error({where + ": " + what, "at most " + std::to_string(bound), std::to_string(found), hint});
}

}  // namespace blip::inline BLIP_ABI
