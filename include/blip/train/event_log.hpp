// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "blip/io/crc32c.hpp"
#include "blip/train/append_file.hpp"
#include "blip/train/file_operations.hpp"
#include "blip/train/named_number.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// The pieces of the protocol buffers encoding that an Event needs.
struct protobuf_message {
  std::string bytes;

  void varint(std::uint64_t v) {
    for (; v > 127; v >>= 7) bytes += static_cast<char>((v & 127) | 128);
    bytes += static_cast<char>(v);
  }
  template <class T>
  void little_endian(T v) {
    for (std::size_t i = 0; i < sizeof v; ++i) bytes += static_cast<char>((v >> (8 * i)) & 255);
  }
  void key(int field, int wire) { varint(static_cast<std::uint64_t>(field << 3 | wire)); }
  protobuf_message& integer(int field, std::int64_t v) {
    return key(field, 0), varint(static_cast<std::uint64_t>(v)), *this;
  }
  protobuf_message& number(int field, double v) {
    return key(field, 1), little_endian(std::bit_cast<std::uint64_t>(v)), *this;
  }
  protobuf_message& number(int field, float v) {
    return key(field, 5), little_endian(std::bit_cast<std::uint32_t>(v)), *this;
  }
  protobuf_message& text(int field, std::string_view v) { return key(field, 2), varint(v.size()), bytes += v, *this; }
};

// A TFRecord: uint64 length, its checksum, the bytes, theirs. Checksums are masked so that one of bytes with checksums
// in them is as good. Source: tensorflow/core/lib/io/record_writer.h.
inline std::string as_record(std::string_view bytes) {
  const auto masked = [](std::string_view of) {
    const std::uint32_t crc = crc32c(std::as_bytes(std::span(of)));
    return std::rotr(crc, 15) + 0xa282ead8u;
  };
  protobuf_message record;
  record.little_endian(static_cast<std::uint64_t>(bytes.size()));
  record.little_endian(masked(record.bytes));
  record.bytes += bytes;
  record.little_endian(masked(bytes));
  return record.bytes;
}

inline double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace detail

// Numbers by step for TensorBoard: a file `events.out.tfevents.*` of records that are messages of the type Event. Every
// log is a new file; one that goes on after a step tells TensorBoard to forget what an earlier one says of later steps.
// Throws io_error. Source: tensorflow/core/util/event.proto.
class event_log {
 public:
  explicit event_log(const std::string& folder, std::optional<std::int64_t> resumed_after = {},
                     std::function<double()> clock = detail::seconds_since_1970)
      : clock_(std::move(clock)), file_(new_file(folder, clock_()), append_file::opening::must_be_new) {
    append(detail::protobuf_message().number(1, clock_()).text(3, "brain.Event:2"));
    if (resumed_after) {
      const auto start = detail::protobuf_message().integer(1, 1);  // SessionLog.status = START
      append(detail::protobuf_message().number(1, clock_()).integer(2, *resumed_after + 1).text(7, start.bytes));
    }
  }

  const std::string& path() const { return file_.path(); }

  // One record; values are stored as float, as TensorBoard wants them.
  void write(std::int64_t step, std::span<const named_number> numbers) {
    detail::protobuf_message summary;
    for (const auto& n : numbers)
      summary.text(1, detail::protobuf_message().text(1, n.name).number(2, static_cast<float>(n.value)).bytes);
    append(detail::protobuf_message().number(1, clock_()).integer(2, step).text(5, summary.bytes));
  }

  void sync() { file_.sync(); }

 private:
  // TensorBoard reads files in the order of their names and never returns to an earlier one: the time in the name is
  // later than those in all that are there.
  static std::string new_file(const std::string& folder, double now) {
    constexpr std::string_view prefix = "events.out.tfevents.";
    detail::make_folders(posix_files{}, folder);
    auto stamp = static_cast<std::uint64_t>(std::max(now, 0.0));
    for (const auto& name : detail::list_folder(posix_files{}, folder)) {
      if (!name.starts_with(prefix)) continue;
      std::uint64_t other = 0;
      std::from_chars(name.data() + prefix.size(), name.data() + name.size(), other);
      if (other < 9'999'999'999) stamp = std::max(stamp, other + 1);
    }
    std::string digits = std::to_string(stamp);
    digits.insert(0, 10 - std::min<std::size_t>(10, digits.size()), '0');
    char host[256] = {};
    const bool named = ::gethostname(host, sizeof host - 1) == 0;
    return folder + "/" + std::string(prefix) + digits + "." + (named ? host : "host") + "." +
           std::to_string(::getpid());
  }

  void append(const detail::protobuf_message& event) { file_.append(detail::as_record(event.bytes)); }

  std::function<double()> clock_;
  append_file file_;
};

}  // namespace blip::inline BLIP_ABI
