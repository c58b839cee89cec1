// SPDX-License-Identifier: Apache-2.0
#include "blip/image/image_file.hpp"

#include "image/made_picture.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;
using Catch::Matchers::Contains;

namespace {

std::string message(const std::string& path, const decode_options& o = {}) {
  try {
    read_image(path, o);
  } catch (const error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("image files: the name chooses what is written, the content what is read", "[image]") {
  const temporary_folder folder;
  const image p = gentle_picture(20, 30);
  for (const char* name : {"a.png", "a.PNG", "a.ppm", "a.b.png"}) {
    write_image(folder / name, p);
    CHECK(read_image(folder / name) == p);
  }
  write_image(folder / "b.jpg", p, {.quality = 95});
  write_image(folder / "b.JPEG", p, {.quality = 95});
  CHECK(read_image(folder / "b.jpg") == read_image(folder / "b.JPEG"));
  CHECK(get(folder / "a.png").substr(1, 3) == "PNG");
  CHECK(get(folder / "a.ppm").substr(0, 2) == "P6");
  CHECK(get(folder / "b.jpg").substr(0, 2) == "\xff\xd8");
  std::filesystem::rename(folder / "a.png", folder / "really.jpg");
  CHECK(read_image(folder / "really.jpg") == p);
  CHECK_THROWS_AS(write_image(folder / "c.gif", p), config_error);
  CHECK_THROWS_AS(write_image(folder / "c", p), config_error);
}

TEST_CASE("image files: a text called .jpg is an error of three lines", "[image]") {
  const temporary_folder folder;
  put(folder / "dog.jpg", "This is not a dog.\n");
  CHECK(message(folder / "dog.jpg") == folder / "dog.jpg" +
                                           ": not a picture\n  expected JPEG, PNG, PNM (P5, P6), found text\n"
                                           "  the content counts, not the name of the file");
  put(folder / "empty.png", "");
  CHECK_THAT(message(folder / "empty.png"), Contains("an empty file"));
}

TEST_CASE("image files: missing files, folders and files beyond the limit are named", "[image]") {
  const temporary_folder folder;
  CHECK_THROWS_AS(read_image(folder / "none.png"), io_error);
  CHECK_THAT(message(folder / "none.png"), Contains("No such file"));
  CHECK_THROWS_AS(read_image(folder.path), io_error);
  decode_options o;
  o.bounds.image_bytes = 10;
  put(folder / "long.png", "more than ten bytes");
  CHECK_THROWS_AS(read_image(folder / "long.png", o), limit_error);
}

TEST_CASE("image files: what cannot be written leaves nothing behind", "[image]") {
  const temporary_folder folder;
  std::filesystem::create_directory(folder / "taken.png");
  put(folder / "taken.png/x", "x");
  CHECK_THROWS_AS(write_image(folder / "taken.png", image(1, 1)), io_error);
  CHECK_THROWS_AS(write_image(folder / "none/a.png", image(1, 1)), io_error);
  CHECK_THROWS_AS(write_image(folder / "a.png", image()), shape_error);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}
