// SPDX-License-Identifier: Apache-2.0
#include "own_data.hpp"

namespace tool {

blip::pair_set open_shards(const blip::data_spec& spec, const blip::picture_decoder&) {
  throw blip::config_error({"webdataset:" + spec.target, "a program with the component webdataset", "one without",
                            "build it with libarchive (Debian: libarchive-dev)"});
}

}  // namespace tool
