// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include "blip/core/version.hpp"

namespace blip::inline BLIP_ABI {

struct progress_options {
  bool terminal = false;  // a line that is drawn again and again, or plain lines
  int width = 80;         // of the terminal
  double every = 10;      // seconds between plain lines
  std::string unit = "steps";
};

namespace detail {

inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace detail

// How far a long task is, how fast it goes and how long it will take:
//   [=====>              ] 250/1000  12.5 steps/s  1:00 left  itc 1.25
// The rate is an average over the last half a minute, newer steps weighing more. The library prints nothing by itself:
// the text goes to a sink. `total` 0: the end is not known.
class progress {
 public:
  using sink = std::function<void(std::string_view)>;

  progress(std::int64_t total, sink to, progress_options o = {}, std::int64_t begun_at = 0,
           std::function<double()> clock = detail::steady_seconds)
      : options_(std::move(o)),
        sink_(std::move(to)),
        clock_(std::move(clock)),
        total_(total),
        done_(begun_at),
        measured_at_(clock_()),
        shown_at_(options_.terminal ? -std::numeric_limits<double>::infinity() : measured_at_) {}

  // `note` stands at the end of the line; what has no room on a terminal is cut off.
  void update(std::int64_t done, std::string_view note = {}) {
    const double now = clock_();
    measure(done, now);
    note_ = note;
    if (now - shown_at_ < (options_.terminal ? redraw : options_.every)) return;
    shown_at_ = now;
    show();
  }

  // The last line, in any case.
  void finish() {
    show();
    if (options_.terminal) sink_("\n");
  }

 private:
  static constexpr double redraw = 0.1, memory = 30;  // seconds

  // rate = sum of steps / sum of seconds, both fading with exp(-age / memory).
  void measure(std::int64_t done, double now) {
    const double passed = std::max(0.0, now - measured_at_), fading = std::exp(-passed / memory);
    steps_ = steps_ * fading + static_cast<double>(std::max<std::int64_t>(0, done - done_));
    seconds_ = seconds_ * fading + passed;
    done_ = done, measured_at_ = now;
  }

  static std::string decimal(double v) {
    char digits[64];
    const int places = v >= 100 ? 0 : v >= 10 ? 1 : v >= 1 ? 2 : 3;
    const auto r = std::to_chars(digits, digits + sizeof digits, std::min(v, 1e15), std::chars_format::fixed, places);
    return {digits, r.ptr};
  }

  static std::string duration(double seconds) {
    const auto s = static_cast<std::int64_t>(std::min(seconds + 0.5, 1e15));
    const auto two = [](std::int64_t n) { return std::string(n < 10 ? ":0" : ":").append(std::to_string(n)); };
    return s < 3600 ? std::to_string(s / 60) + two(s % 60) : std::to_string(s / 3600) + two(s / 60 % 60) + two(s % 60);
  }

  std::string text() const {
    std::string line = std::to_string(done_);
    if (total_ > 0) line.append("/").append(std::to_string(total_));
    if (steps_ > 0 && seconds_ > 0) {
      const double rate = steps_ / seconds_;
      line.append("  ").append(decimal(rate)).append(" ").append(options_.unit).append("/s");
      if (total_ > done_)
        line.append("  ").append(duration(static_cast<double>(total_ - done_) / rate)).append(" left");
    }
    if (!note_.empty()) line.append("  ").append(note_);
    for (char& c : line)
      if (static_cast<unsigned char>(c) < 32 || c == 127) c = ' ';  // a note may not move the cursor
    return line;
  }

  std::string bar() const {
    constexpr std::int64_t cells = 20;
    const std::int64_t part = std::clamp<std::int64_t>(done_, 0, total_);
    const auto full = static_cast<std::size_t>(static_cast<double>(part) / static_cast<double>(total_) * cells);
    std::string b = "[";
    b.append(full, '=');
    if (full < cells) b.append(">").append(cells - 1 - full, ' ');
    return b + "] ";
  }

  void show() {
    if (!options_.terminal) return sink_(text() + "\n");
    std::string line = (total_ > 0 ? bar() : "") + text();
    auto room = static_cast<std::size_t>(std::max(1, options_.width - 1));  // the last column would wrap
    if (line.size() > room) {
      while (room > 0 && (line[room] & 0xc0) == 0x80) --room;  // not within a character
      line.resize(room);
    }
    sink_("\r\x1b[K" + line);
  }

  progress_options options_;
  sink sink_;
  std::function<double()> clock_;
  std::int64_t total_, done_;
  double measured_at_, shown_at_, steps_ = 0, seconds_ = 0;
  std::string note_;
};

}  // namespace blip::inline BLIP_ABI
