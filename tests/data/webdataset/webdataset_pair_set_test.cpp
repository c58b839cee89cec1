// SPDX-License-Identifier: Apache-2.0
#include "blip/data/webdataset_pair_set.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

TEST_CASE("webdataset_pair_set: a key that comes twice is two pictures, and each is found again") {
  const blip_test::temporary_folder folder;
  for (const char* shard : {"0", "1"}) {
    put(folder / "k.jpg", shard), put(folder / "k.txt", std::string("caption of ") + shard);
    const std::string tar = "tar -C '" + folder.path.string() + "' -cf '" + (folder / shard) + ".tar' k.jpg k.txt";
    REQUIRE(std::system(tar.c_str()) == 0);
  }
  const pair_set pairs = webdataset_pair_set(folder / "{0..1}.tar", blip_test::decode_digit);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs.sample(0) == captioned_picture{image(1, 1, '0'), "caption of 0", "0:k"});
  CHECK(pairs.sample(1) == captioned_picture{image(1, 1, '1'), "caption of 1", "1:k"});
  CHECK(pairs.text(1) == pair_text{"1:k", {"caption of 1"}});
  CHECK(pairs.picture("1:k") == image(1, 1, '1'));
  for (const char* name : {"k", "2:k", "1:other", "01:k", ""}) CHECK_THROWS_AS(pairs.picture(name), format_error);
}
