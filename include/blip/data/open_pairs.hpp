// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "blip/core/error.hpp"
#include "blip/data/captioned_record.hpp"
#include "blip/data/data_spec.hpp"
#include "blip/data/folder_pairs.hpp"
#include "blip/data/pair_stream.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/record_file.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "blip/data/tsv_pairs.hpp"

namespace blip::inline BLIP_ABI {

// The pairs that a spec names. Its weight is what it gives; a world without a split gives the human and the web one, which
// share the weight by their sizes. Throws what the readers throw; config_error for records that are no pairs (vqa, nlvr,
// snli-ve) and for webdataset, which needs libarchive and a header of its own.
inline std::vector<weighted_pairs> open_pairs(const data_spec& spec, const picture_decoder& decode,
                                              const limits& bounds = {}) {
  const auto below = [&] { return picture_root(spec.root, decode, bounds); };
  switch (spec.kind) {
    case data_kind::scenes: {
      const scenes::world w(spec.size(), spec.seed);
      if (spec.part) return {{scenes::pairs(w, *spec.part), spec.weight}};
      const scenes::pairs human(w, scenes::split::human), web(w, scenes::split::web);
      const auto both = static_cast<double>(human.size() + web.size());
      return {{human, spec.weight * static_cast<double>(human.size()) / both},
              {web, spec.weight * static_cast<double>(web.size()) / both}};
    }
    case data_kind::coco:
      return {{record_pairs(record_file::list(spec.target, bounds), below()), spec.weight}};
    case data_kind::refcoco:
      return {{record_pairs(record_file::open(spec.target, bounds), below()), spec.weight}};
    case data_kind::jsonl:
      return {{record_pairs(record_file::lines(spec.target, bounds), below()), spec.weight}};
    case data_kind::tsv:
      return {{tsv_pairs(record_file::lines(spec.target, bounds), below()), spec.weight}};
    case data_kind::folder:
      return {{folder_pairs(spec.target, decode, bounds), spec.weight}};
    default:
      break;
  }
  const std::string name(data_kind_names[static_cast<std::size_t>(spec.kind)]);
  throw config_error({"open_pairs", "scenes, coco, jsonl, tsv, folder or refcoco", name,
                      spec.kind == data_kind::webdataset ? "webdataset_pairs reads shards"
                                                         : "read_records reads the records of a task"});
}

}  // namespace blip::inline BLIP_ABI
