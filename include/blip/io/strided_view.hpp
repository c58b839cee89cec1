// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "blip/io/safetensors.hpp"

namespace blip::inline BLIP_ABI {

// Which elements of a storage a tensor consists of: element (i, j, ...) is number offset + i strides[0] + j strides[1]
// ...
struct strided_view {
  stored_type type = stored_type::f32;
  std::vector<std::uint64_t> shape{}, strides{};
  std::uint64_t offset = 0;
};

namespace detail {

// The product of the dimensions; none when 64 bits do not hold it. A zero dimension makes it 0, whatever the others
// are.
inline std::optional<std::uint64_t> count_elements(std::span<const std::uint64_t> shape) {
  std::uint64_t n = 1;
  bool overflows = false;
  for (const std::uint64_t d : shape) {
    if (d == 0) return 0;
    overflows |= __builtin_mul_overflow(n, d, &n);
  }
  return overflows ? std::nullopt : std::optional(n);
}

// The number of elements from the first to the last one that the view touches; none when 64 bits do not hold it.
inline std::optional<std::uint64_t> count_spanned(const strided_view& v) {
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < v.shape.size(); ++i) {
    std::uint64_t step = 0;
    if (v.shape[i] == 0) return 0;
    if (__builtin_mul_overflow(v.shape[i] - 1, v.strides[i], &step) || __builtin_add_overflow(last, step, &last))
      return std::nullopt;
  }
  if (__builtin_add_overflow(last, 1u, &last)) return std::nullopt;
  return last;
}

// The strides of elements that lie row after row.
inline std::vector<std::uint64_t> packed_strides(std::span<const std::uint64_t> shape) {
  std::vector<std::uint64_t> strides(shape.size());
  std::uint64_t n = 1;
  for (std::size_t i = shape.size(); i-- > 0; n *= shape[i]) strides[i] = n;
  return strides;
}

// Whether the elements lie row after row. The stride of a dimension of size 1 is nobody's business.
inline bool is_packed(const strided_view& v) {
  const std::vector<std::uint64_t> packed = packed_strides(v.shape);
  for (std::size_t i = 0; i < v.shape.size(); ++i)
    if (v.shape[i] > 1 && v.strides[i] != packed[i]) return false;
  return true;
}

// Copies the elements of a view row after row. `from` holds those that the view spans, beginning with its first.
inline std::vector<std::byte> gather(const strided_view& v, std::span<const std::byte> from) {
  const auto size = static_cast<std::size_t>(describe(v.type).bytes);
  std::vector<std::byte> to(static_cast<std::size_t>(count_elements(v.shape).value()) * size);
  std::vector<std::uint64_t> index(v.shape.size(), 0);
  std::uint64_t at = 0;
  for (std::size_t done = 0; done < to.size(); done += size) {
    std::memcpy(to.data() + done, from.data() + at * size, size);
    for (std::size_t i = v.shape.size(); i-- > 0;) {
      at += v.strides[i];
      if (++index[i] < v.shape[i]) break;
      at -= v.shape[i] * v.strides[i], index[i] = 0;
    }
  }
  return to;
}

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
