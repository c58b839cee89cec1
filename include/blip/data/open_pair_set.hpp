// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "blip/core/error.hpp"
#include "blip/data/captioned_record.hpp"
#include "blip/data/data_spec.hpp"
#include "blip/data/folder_pairs.hpp"
#include "blip/data/pair_set.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/record_file.hpp"
#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/data/tsv_pairs.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Pairs of a file of records, whose pictures lie below a root under the names that the records have.
template <class Pairs>
pair_set recorded_set(Pairs source, const picture_root& below) {
  const auto pairs = std::make_shared<const Pairs>(std::move(source));
  const auto text = [pairs](std::uint64_t i) {
    captioned_record r = pairs->record(i);
    return pair_text{std::move(r.image), std::move(r.captions)};
  };
  return {*pairs, text, [below](const std::string& name) { return below.read(name); }};
}

}  // namespace detail

// The pairs that a spec names, to be found again by the names of their pictures: paths below the root for coco, jsonl,
// tsv, folder and refcoco, SIZE/SEED/SPLIT/NUMBER for a split of a world. Weights are not looked at. Throws what the readers
// throw; config_error for a world without a split, for records that are no pairs (vqa, nlvr, snli-ve) and for
// webdataset, which has a header of its own (webdataset_pair_set.hpp).
inline pair_set open_pair_set(const data_spec& spec, const picture_decoder& decode, const limits& bounds = {}) {
  const auto below = [&] { return picture_root(spec.root, decode, bounds); };
  switch (spec.kind) {
    case data_kind::scenes: {
      if (!spec.part)
        throw config_error({"open_pair_set: scenes", "a split: human, web, test, web-test or withheld", "none",
                            "for example scenes:nano,split=web"});
      const scenes::pairs pairs(scenes::world(spec.size(), spec.seed), *spec.part);
      return {pairs,
              [pairs](std::uint64_t i) {
                return pair_text{pairs.name(i), {pairs.caption(i).text}};
              },
              [](const std::string& name) { return scenes::named_picture(name).picture(); }};
    }
    case data_kind::coco:
      return detail::recorded_set(record_pairs(record_file::list(spec.target, bounds), below()), below());
    case data_kind::refcoco:
      return detail::recorded_set(record_pairs(record_file::open(spec.target, bounds), below()), below());
    case data_kind::jsonl:
      return detail::recorded_set(record_pairs(record_file::lines(spec.target, bounds), below()), below());
    case data_kind::tsv:
      return detail::recorded_set(tsv_pairs(record_file::lines(spec.target, bounds), below()), below());
    case data_kind::folder: {
      const folder_pairs pairs(spec.target, decode, bounds);
      const picture_root root(spec.target, decode, bounds);
      return {pairs,
              [pairs](std::uint64_t i) {
                return pair_text{pairs.name(i), {pairs.caption(i)}};
              },
              [root](const std::string& name) { return root.read(name); }};
    }
    default:
      break;
  }
  throw config_error({"open_pair_set", "scenes, coco, jsonl, tsv, folder or refcoco",
                      std::string(data_kind_names[static_cast<std::size_t>(spec.kind)]),
                      spec.kind == data_kind::webdataset ? "webdataset_pair_set reads shards"
                                                         : "read_records reads the records of a task"});
}

}  // namespace blip::inline BLIP_ABI
