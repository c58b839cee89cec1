// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blip/core/arena_layout.hpp"
#include "blip/core/backend.hpp"
#include "blip/train/checkpoint_writer.hpp"
#include "blip/train/run_parts.hpp"
#include "blip/train/run_record.hpp"
#include "blip/train/saved_checkpoint.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

inline constexpr const char* parameters_file = "parameters.txt";

// What makes two models' memory exchangeable: parameters with their sizes, in the order in which they lie there.
inline std::string parameter_list(const arena_layout& layout) {
  std::string text;
  for (const auto& e : layout.entries())
    text += e.name + " [" + std::to_string(e.rows) + ", " + std::to_string(e.cols) + "]\n";
  return text;
}

inline void require_same_parameters(const std::string& path, std::string_view saved, std::string_view now) {
  const auto line = [](std::string_view& rest) {
    const auto one = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    return one.empty() ? std::string("no more parameters") : std::string(one);
  };
  while (!saved.empty() || !now.empty())
    if (const auto has = line(saved), wanted = line(now); has != wanted)
      throw shape_error({path + ": a parameter", wanted, has, "the checkpoint belongs to another model"});
}

}  // namespace detail

// Writes everything that a run needs to go on with the same bits: a file for each part, parameters.txt (their names and
// sizes), run.json. Throws io_error.
template <backend B, file_operations Files>
void save_run(checkpoint_writer<Files>& to, std::span<const run_part> parts, const arena_layout& layout,
              const run_record& record) {
  std::vector<std::byte> block;
  for (const auto& p : parts) {
    const auto* from = static_cast<const std::byte*>(p.data);
    if (p.where == part_memory::host || p.bytes == 0) {
      to.write(p.name, {from, p.bytes});
      continue;
    }
    block.resize(std::min<std::size_t>(p.bytes, 1u << 20));
    for (std::size_t at = 0; at < p.bytes; at += block.size()) {
      const std::span<std::byte> piece = std::span(block).first(std::min(block.size(), p.bytes - at));
      memory<B>::copy_out(piece.data(), from + at, piece.size());
      to.write(p.name, piece);
    }
  }
  to.write(detail::parameters_file, std::as_bytes(std::span<const char>(detail::parameter_list(layout))));
  to.write(run_record::file_name, std::as_bytes(std::span<const char>(detail::to_text(record))));
}

// The way back. Sizes and facts are compared before anything is written: a checkpoint of another model is a shape_error,
// one of a run with other options a config_error, and the memory is as it was. After an io_error it is not.
template <backend B, file_operations Files>
run_record load_run(const saved_checkpoint<Files>& from, std::span<const run_part> parts, const arena_layout& layout,
                    const run_facts& facts) {
  const auto text = [&](const char* file) {
    const auto bytes = from.read(file);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  detail::require_same_parameters(from.folder() + "/" + detail::parameters_file, text(detail::parameters_file),
                                  detail::parameter_list(layout));
  const run_record record =
      detail::parse_run_record(from.folder() + "/" + run_record::file_name, text(run_record::file_name));
  require_same_facts(from.folder(), record.facts, facts);
  for (const auto& p : parts) {
    const auto* const file = from.find(p.name);
    if (!file || file->bytes != p.bytes)
      throw shape_error({from.folder() + "/" + p.name, std::to_string(p.bytes) + " bytes",
                         file ? std::to_string(file->bytes) : "no such file",
                         "the checkpoint belongs to another model or other sizes of queues"});
  }
  for (const auto& p : parts)
    from.each_block(p.name, [&](std::uint64_t at, std::span<const std::byte> block) {
      auto* const to = static_cast<std::byte*>(p.data) + at;
      if (p.where == part_memory::host) {
        std::copy(block.begin(), block.end(), to);
      } else {
        memory<B>::copy_in(to, block.data(), block.size());
      }
    });
  return record;
}

}  // namespace blip::inline BLIP_ABI
