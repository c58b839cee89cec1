// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "blip/train/checkpoint_store.hpp"

namespace blip_test {

// What the checkpoint of a step holds, made from the step alone: three files, one of them of several blocks, one empty.
inline std::vector<std::byte> content(const std::string& file, std::int64_t step, std::size_t bytes) {
  std::mt19937_64 random(static_cast<std::uint64_t>(step) * 1009 + file.size());
  std::vector<std::byte> out(file == "empty" ? 0 : bytes + static_cast<std::size_t>(step % 7));
  for (auto& b : out) b = static_cast<std::byte>(random() & 255);
  return out;
}

inline constexpr const char* content_files[] = {"values", "moments", "empty"};

template <class Store>
void save(Store& store, std::int64_t step, std::size_t bytes = 150) {
  store.save(step, [&](auto& w) {
    for (const char* file : content_files) {
      const auto all = content(file, step, bytes);
      w.write(file, std::span(all).first(all.size() / 3));  // in two pieces, neither of them whole blocks
      w.write(file, std::span(all).subspan(all.size() / 3));
    }
  });
}

template <class Checkpoint>
bool is_right(const Checkpoint& c, std::size_t bytes = 150) {
  for (const char* file : content_files)
    if (c.read(file) != content(file, c.step(), bytes)) return false;
  return c.files().size() == 3;
}

}  // namespace blip_test
