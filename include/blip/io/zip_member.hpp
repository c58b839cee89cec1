// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <algorithm>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/io/zip_checksum.hpp"
#include "blip/io/zip_file.hpp"

namespace blip::inline BLIP_ABI {

// Reads the bytes of one member from the first to the last, inflating them if need be. It takes 64 KiB of memory and
// never produces more than the directory says. Throws io_error and format_error.
class zip_member {
 public:
  // Neither may go before this object.
  zip_member(const zip_file& archive, const zip_entry& entry) : archive_(archive), entry_(entry) {
    if (!entry.deflated) return;
    buffer_.resize(std::min<std::size_t>(std::size_t{1} << 16, static_cast<std::size_t>(entry.stored)));
    if (inflateInit2(&stream_, -15) != Z_OK) throw std::bad_alloc();
  }
  zip_member(const zip_member&) = delete;
  zip_member& operator=(const zip_member&) = delete;
  ~zip_member() {
    if (entry_.deflated) inflateEnd(&stream_);
  }

  // The next bytes, exactly as many.
  void read(std::span<std::byte> to) {
    if (to.size() > entry_.bytes - done_)
      fail(std::to_string(done_ + to.size()) + " bytes or more", std::to_string(entry_.bytes));
    if (to.empty()) return;
    if (!entry_.deflated) archive_.file()->read(entry_.begin + done_, to);
    if (entry_.deflated && inflate_some(to) != to.size())
      fail(std::to_string(entry_.bytes) + " bytes when inflated", "fewer");
    sum_ = zip_checksum(to, sum_);
    done_ += to.size();
  }

  // To be called when all bytes were read: nothing may be left over, and the checksum must fit.
  [[gnu::cold]] void finish() {
    std::byte one{};
    if (entry_.deflated && !ended_ && inflate_some({&one, 1}) != 0)
      fail(std::to_string(entry_.bytes) + " bytes when inflated", "more");
    if (entry_.deflated && (!ended_ || taken_ != entry_.stored || stream_.avail_in != 0))
      fail("compressed bytes that end where the directory says", "others");
    if (sum_ != entry_.crc) fail("checksum " + std::to_string(entry_.crc), std::to_string(sum_));
  }

  // All bytes that are left, checked. The caller knows that this many are welcome.
  std::vector<std::byte> read_rest() {
    std::vector<std::byte> bytes(static_cast<std::size_t>(entry_.bytes - done_));
    read(bytes);
    finish();
    return bytes;
  }

 private:
  [[noreturn, gnu::cold]] void fail(std::string_view expected, std::string_view found) const {
    archive_.fail(expected, found, entry_.name, "the file is incomplete or was changed");
  }

  std::size_t inflate_some(std::span<std::byte> to) {
    std::size_t made = 0;
    while (made < to.size() && !ended_) {
      if (stream_.avail_in == 0 && taken_ < entry_.stored) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer_.size(), entry_.stored - taken_));
        archive_.file()->read(entry_.begin + taken_, std::span(buffer_).first(n));
        stream_.next_in = reinterpret_cast<Bytef*>(buffer_.data()), stream_.avail_in = static_cast<uInt>(n);
        taken_ += n;
      }
      const auto room = std::min<std::size_t>(to.size() - made, std::size_t{1} << 30);  // zlib counts in 32 bits
      stream_.next_out = reinterpret_cast<Bytef*>(to.data() + made), stream_.avail_out = static_cast<uInt>(room);
      const int result = ::inflate(&stream_, Z_NO_FLUSH);
      made += room - stream_.avail_out;
      if (result == Z_MEM_ERROR) throw std::bad_alloc();
      if (result != Z_OK && result != Z_STREAM_END) fail("a deflate stream", "something else");
      ended_ = result == Z_STREAM_END;
    }
    return made;
  }

  const zip_file& archive_;
  const zip_entry& entry_;
  z_stream stream_{};
  std::vector<std::byte> buffer_;
  std::uint64_t taken_ = 0, done_ = 0;  // of the stored and of the inflated bytes
  std::uint32_t sum_ = 0;
  bool ended_ = false;
};

}  // namespace blip::inline BLIP_ABI
