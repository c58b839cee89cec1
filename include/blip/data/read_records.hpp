// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/json_record.hpp"
#include "blip/data/record_file.hpp"
#include "blip/data/skipped_samples.hpp"

namespace blip::inline BLIP_ABI {

// All records of a file, each made by read(json_record): read_records("nlvr_train.json", read_nlvr2). With `skipped`, one
// that throws blip::error is left out and counted there; without, it throws.
template <class F>
auto read_records(const record_file& file, F read, skipped_samples* skipped = nullptr) {
  std::vector<std::invoke_result_t<F, const json_record&>> out;
  out.reserve(static_cast<std::size_t>(file.size()));
  for (std::uint64_t i = 0; i < file.size(); ++i) {
    try {
      out.push_back(read(json_record(file.text(i), file.where(i), file.bounds())));
      if (skipped) skipped->use();
    } catch (const error& e) {
      if (!skipped) throw;
      skipped->skip(e);
    }
  }
  return out;
}
template <class F>
auto read_records(const std::string& path, F read, skipped_samples* skipped = nullptr, const limits& bounds = {}) {
  return read_records(record_file::open(path, bounds), read, skipped);
}

}  // namespace blip::inline BLIP_ABI
