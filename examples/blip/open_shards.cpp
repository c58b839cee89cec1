// SPDX-License-Identifier: Apache-2.0
//
// The one source that needs libarchive; CMake compiles it where that is found, and shards_left_out.cpp elsewhere.
#include "blip/data/webdataset_pair_set.hpp"
#include "own_data.hpp"

namespace tool {

blip::pair_set open_shards(const blip::data_spec& spec, const blip::picture_decoder& decode) {
  return blip::webdataset_pair_set(spec.target, decode);
}

}  // namespace tool
