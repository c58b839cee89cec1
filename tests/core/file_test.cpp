// SPDX-License-Identifier: Apache-2.0
#include "blip/core/unfinished_files.hpp"

#include <sys/wait.h>

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

TEST_CASE("files: what a process that was killed has left is removed, what one that runs writes is not", "[core][file]") {
  const temporary_folder folder;
  std::filesystem::create_directories(folder / "run/model");
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t killed = ::fork();
  if (killed == 0) {
    output_file a(folder / "run/weights"), b(folder / "run/model/config.json");
    a.write(std::vector<std::byte>(3, std::byte{'x'}));
    static_cast<void>(!::write(ready[1], "x", 1));
    while (true) ::pause();
  }
  char one = 0;
  REQUIRE(::read(ready[0], &one, 1) == 1);
  // Its writer runs.
  CHECK(remove_unfinished_files(folder / "run") == 0);
  REQUIRE(::kill(killed, SIGKILL) == 0);
  REQUIRE(::waitpid(killed, nullptr, 0) == killed);
  ::close(ready[0]), ::close(ready[1]);
  output_file own(folder / "run/own");
  const std::string gone = std::to_string(killed);
  // Neither those of others nor those that only look alike.
  const std::vector<std::string> stay{"outside.part" + gone, "run/a.part",          "run/a.part" + gone + "x",
                                      "run/.part" + gone,    "run/a.partner" + gone, "run/a.part0"};
  for (const std::string& name : stay) put(folder / name, "mine");
  std::filesystem::create_directory(folder / ("run/folder.part" + gone));
  std::filesystem::create_symlink(folder / "outside.part", folder / ("run/link.part" + gone));
  std::filesystem::create_directory_symlink(folder.path, folder / "run/up");
  CHECK(remove_unfinished_files(folder / "run") == 2);
  CHECK_FALSE(std::filesystem::exists(folder / ("run/weights.part" + gone)));
  CHECK_FALSE(std::filesystem::exists(folder / ("run/model/config.json.part" + gone)));
  for (const std::string& name : stay) CHECK(get(folder / name) == "mine");
  CHECK(std::filesystem::is_directory(folder / ("run/folder.part" + gone)));
  own.commit();
  CHECK(std::filesystem::exists(folder / "run/own"));
  CHECK(remove_unfinished_files(folder / "run") == 0);
  CHECK_THROWS_AS(remove_unfinished_files(folder / "nowhere"), io_error);
}
