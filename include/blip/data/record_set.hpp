// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/data_spec.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/read_records.hpp"
#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/tasks.hpp"

namespace blip::inline BLIP_ABI {

// The records of a task, and their pictures by name. Several threads may ask at once; throws what the data throw.
template <class Record>
struct record_set {
  std::uint64_t size = 0;
  std::function<Record(std::uint64_t)> record{};
  std::function<image(const std::string& name)> picture{};
};

namespace detail {

// Which data hold the records of a task, and how one is read or generated.
template <class Record>
struct task_of;
template <>
struct task_of<vqa_record> {
  static constexpr data_kind kind = data_kind::vqa;
  static vqa_record read(const json_record& r) { return read_vqa(r); }
  static vqa_record make(const scenes::world& w, scenes::split s, std::uint64_t i) { return scenes::question(w, s, i); }
};
template <>
struct task_of<nlvr2_record> {
  static constexpr data_kind kind = data_kind::nlvr;
  static nlvr2_record read(const json_record& r) { return read_nlvr2(r); }
  static nlvr2_record make(const scenes::world& w, scenes::split s, std::uint64_t i) {
    return scenes::pair_statement(w, s, i);
  }
};
template <>
struct task_of<entailment_record> {
  static constexpr data_kind kind = data_kind::snli_ve;
  static entailment_record read(const json_record& r) { return read_entailment(r); }
  static entailment_record make(const scenes::world& w, scenes::split s, std::uint64_t i) {
    return scenes::premise(w, s, i);
  }
};
template <>
struct task_of<referring_record> {
  static constexpr data_kind kind = data_kind::refcoco;
  static referring_record read(const json_record& r) { return read_referring(r); }
  static referring_record make(const scenes::world& w, scenes::split s, std::uint64_t i) {
    return scenes::expression(w, s, i);
  }
};

}  // namespace detail

// The names of the pictures that a record is about.
inline std::vector<std::string> pictures_of(const referring_record& r) { return {r.image}; }
inline std::vector<std::string> pictures_of(const vqa_record& r) { return {r.image}; }
inline std::vector<std::string> pictures_of(const entailment_record& r) { return {r.image}; }
inline std::vector<std::string> pictures_of(const nlvr2_record& r) { return {r.images[0], r.images[1]}; }

// The records that a spec names: a file of the task's own (vqa:, nlvr:, snli-ve:, refcoco:), or those of a split of a
// generated world. A broken record of a file is counted in `skipped` and left out. Throws config_error for data of another kind and
// for a world without a split, what the readers throw, format_error when no record is left.
template <class Record>
record_set<Record> open_record_set(const data_spec& spec, const picture_decoder& decode, skipped_samples* skipped = nullptr,
                                   const limits& bounds = {}) {
  using task = detail::task_of<Record>;
  if (spec.kind == data_kind::scenes) {
    if (!spec.part)
      throw config_error({"the records of a generated world", "a split: human, web, test, web-test or withheld", "none",
                          "for example scenes:nano,split=human"});
    const scenes::world w(spec.size(), spec.seed);
    return {scenes::task_records(w, *spec.part),
            [w, part = *spec.part](std::uint64_t i) { return task::make(w, part, i); },
            [](const std::string& name) { return scenes::named_picture(name).picture(); }};
  }
  if (spec.kind != task::kind)
    throw config_error({"the data of this task",
                        std::string(data_kind_names[static_cast<std::size_t>(task::kind)]) +
                            ":FILE,root=DIR or scenes:SIZE,split=S",
                        std::string(data_kind_names[static_cast<std::size_t>(spec.kind)]) + ":",
                        {}});
  const auto all = std::make_shared<const std::vector<Record>>(
      read_records(record_file::open(spec.target, bounds), [](const json_record& r) { return task::read(r); }, skipped));
  if (all->empty()) throw format_error({spec.target, "a record", "none that can be read", {}});
  const picture_root below(spec.root, decode, bounds);
  return {all->size(), [all](std::uint64_t i) { return all->at(static_cast<std::size_t>(i)); },
          [below](const std::string& name) { return below.read(name); }};
}

}  // namespace blip::inline BLIP_ABI
