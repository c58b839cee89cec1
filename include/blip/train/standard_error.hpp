// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "blip/train/progress.hpp"

namespace blip::inline BLIP_ABI {

// A sink for progress and notices, for programs that want them there; the library itself prints nothing.
inline void to_standard_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// A bar as wide as the terminal if standard error is one, else plain lines.
inline progress_options standard_error_options() {
  progress_options o{.terminal = ::isatty(STDERR_FILENO) == 1};
  winsize size{};
  if (o.terminal && ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) o.width = size.ws_col;
  return o;
}

}  // namespace blip::inline BLIP_ABI
