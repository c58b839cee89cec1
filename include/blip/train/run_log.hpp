// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "blip/core/limits.hpp"
#include "blip/core/simdjson.hpp"
#include "blip/io/safetensors.hpp"
#include "blip/train/append_file.hpp"
#include "blip/train/named_number.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The text with U+FFFD for every byte that is not part of UTF-8, which JSON must be.
inline std::string as_utf8(std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t n = 1;
    while (n <= std::min<std::size_t>(4, text.size()) && !simdjson::validate_utf8(text.data(), n)) ++n;
    const bool character = n <= std::min<std::size_t>(4, text.size());
    out += character ? text.substr(0, n) : "\xef\xbf\xbd";
    text.remove_prefix(character ? n : 1);
  }
  return out;
}

// The shortest decimals that read back as the same number; JSON knows no NaN and no infinity. Large whole numbers get
// an exponent, because readers take digits alone for an integer of 64 bits.
inline void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[32];
  char* const end = digits + sizeof digits;
  const bool large = std::abs(value) >= 1e15;
  const auto r =
      large ? std::to_chars(digits, end, value, std::chars_format::scientific) : std::to_chars(digits, end, value);
  out.append(digits, r.ptr);
}

}  // namespace detail

// log.jsonl: one JSON object a line, {"step":7,"itc":1.25,"note":"..."}, members in the order in which they were given.
// Opened for a run that goes on after `last_step`, it drops the lines of later steps and those that are no whole
// objects (a process that dies may leave half a line); the file is replaced in one go. Throws io_error.
class run_log {
 public:
  explicit run_log(const std::string& path, std::int64_t last_step = std::numeric_limits<std::int64_t>::max(),
                   const limits& bounds = {})
      : unreadable_(drop_after(path, last_step, bounds)), file_(path) {}

  const std::string& path() const { return file_.path(); }
  std::int64_t unreadable() const { return unreadable_; }  // lines dropped for what they were, not for their step

  // Throws config_error for a member called "step".
  void write(std::int64_t step, std::span<const named_number> numbers, std::span<const named_text> texts = {}) {
    std::string line = "{\"step\":" + std::to_string(step);
    const auto name = [&](std::string_view n) {
      if (n == "step")
        throw config_error({"run_log: a member \"step\"", "another name", "that of the step itself", {}});
      line += ',';
      detail::append_json_string(line, detail::as_utf8(n));
      line += ':';
    };
    for (const auto& n : numbers) name(n.name), detail::append_json_number(line, n.value);
    for (const auto& t : texts) name(t.name), detail::append_json_string(line, detail::as_utf8(t.value));
    file_.append(line += "}\n");
  }

  void sync() { file_.sync(); }

 private:
  static std::int64_t drop_after(const std::string& path, std::int64_t last_step, const limits& bounds) {
    if (std::error_code none; !std::filesystem::exists(path, none)) return 0;
    const input_file old(path);
    output_file kept(path);
    simdjson::dom::parser parser;
    std::string line, out, chunk;
    bool dropped = false, too_long = false;
    std::int64_t unreadable = 0;
    const auto flush = [&] { kept.write(std::as_bytes(std::span(out))), out.clear(); };
    const auto take = [&](bool ended) {
      simdjson::dom::object object;
      std::int64_t step = std::numeric_limits<std::int64_t>::min();
      const bool whole = ended && !too_long && parser.parse(line).get(object) == simdjson::SUCCESS;
      if (whole && object["step"].get(step) != simdjson::SUCCESS) step = std::numeric_limits<std::int64_t>::min();
      if (whole && step <= last_step) out += line += '\n';
      dropped |= !whole || step > last_step;
      unreadable += !whole;
      line.clear(), too_long = false;
      if (out.size() > block) flush();
    };
    for (std::uint64_t at = 0; at < old.size(); at += chunk.size()) {
      chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(block, old.size() - at)));
      old.read(at, std::as_writable_bytes(std::span(chunk)));
      for (std::string_view rest = chunk; !rest.empty();) {
        const auto end = rest.find('\n');
        const auto piece = rest.substr(0, end);
        too_long |= line.size() + piece.size() > bounds.json_string;
        if (!too_long) line += piece;
        rest.remove_prefix(std::min(rest.size(), piece.size() + 1));
        if (end != std::string_view::npos) take(true);
      }
    }
    if (!line.empty() || too_long) take(false);
    flush();
    if (dropped) kept.commit();
    return unreadable;
  }

  static constexpr std::uint64_t block = 1u << 20;
  std::int64_t unreadable_;
  append_file file_;
};

}  // namespace blip::inline BLIP_ABI
