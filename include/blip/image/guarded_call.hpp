// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csetjmp>
#include <cstddef>
#include <string>

#include "blip/core/function_ref.hpp"

namespace blip::inline BLIP_ABI::detail {

// Calls into a C library whose error handler must not return: `fail`, called by the handler, ends `run`. Between the
// two lie only frames of the library and of `body`, so `body` keeps no object with a destructor across a call of the
// library; what it works on belongs to the caller of `run`.
class guarded_call {
 public:
  // True if body came to its end. Not inlined: variables of the caller keep their values over a longjmp only so.
  [[nodiscard, gnu::noinline]] bool run(function_ref<void()> body) {
    if (setjmp(back_) != 0) return false;
    body();
    return true;
  }

  // The library's message goes into a buffer that the handler fills before `fail`.
  static constexpr std::size_t message_bytes = 256;
  char* message() { return message_; }
  [[noreturn]] void fail() { std::longjmp(back_, 1); }

  // The message, fit for one line.
  std::string reason() const {
    std::string text(message_);
    for (char& c : text)
      if (c < ' ' || c > '~') c = '?';
    return text.empty() ? "an error without a message" : text;
  }

 private:
  std::jmp_buf back_{};
  char message_[message_bytes] = {};
};

}  // namespace blip::inline BLIP_ABI::detail
