// SPDX-License-Identifier: Apache-2.0
#include "blip/core/file.hpp"

#include <filesystem>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

TEST_CASE("files: a bounded file is read whole, one beyond its bound is a limit_error", "[core][file]") {
  const temporary_folder folder;
  put(folder / "a", "seven b");
  CHECK(read_file<std::string>(folder / "a", 7) == "seven b");
  CHECK(read_file<std::vector<std::byte>>(folder / "a", 7).size() == 7);
  CHECK_THROWS_AS(read_file<std::string>(folder / "a", 6), limit_error);
  CHECK_THROWS_AS(read_file<std::string>(folder / "none", 6), io_error);
}

TEST_CASE("files: a folder and a pipe are refused at once", "[core][file]") {
  const temporary_folder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THROWS_AS(input_file(folder / "pipe"), io_error);
  CHECK_THROWS_AS(input_file(folder.path.string()), io_error);
}

TEST_CASE("files: what is written appears with commit, and not at all without", "[core][file]") {
  const temporary_folder folder;
  const std::vector<std::byte> bytes(3, std::byte{'x'});
  { output_file(folder / "a").write(bytes); }
  CHECK(std::filesystem::is_empty(folder.path));
  output_file file(folder / "a");
  file.write(bytes);
  CHECK(!std::filesystem::exists(folder / "a"));
  file.commit();
  CHECK(get(folder / "a") == "xxx");
}
