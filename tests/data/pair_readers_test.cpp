// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <set>
#include <string>

#include "blip/data/open_pairs.hpp"
#include "blip/data/read_records.hpp"
#include "blip/data/retrieval_set.hpp"
#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

namespace {

char digit(const captioned_picture& s) { return static_cast<char>(s.picture.pixels[0]); }

}  // namespace

TEST_CASE("record_pairs: the lists of the published code, one caption or several, with and without an id") {
  const blip_test::picture_folder folder;
  put(folder / "a.json", R"([{"image": "1.jpg", "caption": "one", "image_id": "coco_1"},
    {"image": "2.jpg", "caption": ["two", "deux", "zwei"]},
    {"url": "https://somewhere.org/pictures/3.jpg?size=large", "caption": "three"},
    {"image": "4.jpg", "caption": "four", "image_id": 4, "source": "web", "itm_probability": 0.9}])");
  const record_pairs pairs(record_file::list(folder / "a.json"), folder.root());
  REQUIRE(pairs.size() == 4);
  CHECK(pairs.sample(0) == captioned_picture{image(1, 1, '1'), "one", "coco_1"});
  CHECK(pairs.sample(2) == captioned_picture{image(1, 1, '3'), "three", "3.jpg"});
  CHECK(pairs.sample(3).id == "4");
  std::set<std::string> picked;
  for (std::uint64_t turn = 0; turn < 40; ++turn) {
    picked.insert(pairs.sample(1, turn).caption);
    CHECK(pairs.sample(1, turn) == pairs.sample(1, turn));
  }
  CHECK(picked == std::set<std::string>{"two", "deux", "zwei"});
}

TEST_CASE("record_pairs: a sample that is broken throws what is wrong with it, the others stay") {
  const blip_test::picture_folder folder;
  put(folder / "a.jsonl",
      "{\"image\": \"1.jpg\", \"caption\": \"one\"}\n{\"image\": \"none.jpg\", \"caption\": \"a\"}\n{\"image\": \"2.jpg\"}\n"
      "{\"image\": \"../../etc/passwd\", \"caption\": \"a\"}\n{\"image\": \"/etc/passwd\", \"caption\": \"a\"}\n"
      "{\"image\": \"\", \"caption\": \"a\"}\nnonsense\n{\"image\": \"a.jsonl\", \"caption\": \"a\"}\n"
      "{\"image\": \"2\\u0000.jpg\", \"caption\": \"a\"}\n");
  const record_pairs pairs(record_file::lines(folder / "a.jsonl"), folder.root());
  REQUIRE(pairs.size() == 9);
  CHECK(digit(pairs.sample(0)) == '1');
  CHECK_THROWS_AS(pairs.sample(1), io_error);
  for (std::uint64_t i = 2; i < 9; ++i) CHECK_THROWS_AS(pairs.sample(i), format_error);
  CHECK_THROWS_AS(pairs.sample(9), shape_error);
}

TEST_CASE("picture_root: a link out of the root is refused, one within it is not; limits hold") {
  const blip_test::picture_folder folder;
  const blip_test::temporary_folder outside;
  put(outside / "secret.jpg", "7");
  std::filesystem::create_symlink(outside.path / "secret.jpg", folder.path / "out.jpg");
  std::filesystem::create_symlink(folder.path / "3.jpg", folder.path / "in.jpg");
  CHECK_THROWS_AS(folder.root().read("out.jpg"), format_error);
  CHECK(folder.root().read("in.jpg").pixels[0] == '3');
  CHECK(folder.root().read("./1.jpg").pixels[0] == '1');
  CHECK(folder.root().read((folder.path / "1.jpg").string()).pixels[0] == '1');
  CHECK(picture_root("", blip_test::decode_digit).read(outside / "secret.jpg").pixels[0] == '7');
  CHECK_THROWS_AS(picture_root(folder / "nowhere", blip_test::decode_digit), io_error);
  CHECK_THROWS_AS(picture_root("", nullptr), config_error);
  limits tight;
  tight.image_bytes = 0;
  CHECK_THROWS_AS(picture_root(folder.path.string(), blip_test::decode_digit, tight).read("1.jpg"), limit_error);
  CHECK_THROWS_AS(folder.root().read("."), io_error);
}

TEST_CASE("tsv_pairs: columns in either order, URLs by their file names") {
  const blip_test::picture_folder folder;
  put(folder / "a.tsv", "1.jpg\ta cat\r\n2.jpg\ta dog\tmore\nonly one column\n\tno name\n");
  const tsv_pairs pairs(record_file::lines(folder / "a.tsv"), folder.root());
  REQUIRE(pairs.size() == 4);
  CHECK(pairs.sample(0) == captioned_picture{image(1, 1, '1'), "a cat", "1.jpg"});
  CHECK(pairs.sample(1).caption == "a dog");
  CHECK_THROWS_AS(pairs.sample(2), format_error);
  CHECK_THROWS_AS(pairs.sample(3), format_error);
  put(folder / "cc.tsv", "a bird\thttp://host/x/5.jpg?a=b#c\n");
  const tsv_pairs cc(record_file::lines(folder / "cc.tsv"), folder.root(), {.image = 1, .caption = 0});
  CHECK(cc.sample(0) == captioned_picture{image(1, 1, '5'), "a bird", "5.jpg"});
  CHECK_THROWS_AS(tsv_pairs(record_file::lines(folder / "cc.tsv"), folder.root(), {1, 1}), config_error);
}

TEST_CASE("folder_pairs: pictures of all folders in order, each with the text beside it") {
  const blip_test::temporary_folder folder;
  std::filesystem::create_directories(folder.path / "b" / "c");
  put(folder / "b/2.PNG", "2"), put(folder / "b/2.txt", "  two\n");
  put(folder / "b/c/3.jpeg", "3"), put(folder / "b/c/3.txt", "three");
  put(folder / "a.jpg", "1"), put(folder / "a.txt", "");
  put(folder / "z.jpg", "9"), put(folder / "notes.md", "no picture");
  const folder_pairs pairs(folder.path.string(), blip_test::decode_digit);
  REQUIRE(pairs.size() == 4);
  CHECK(pairs.sample(0) == captioned_picture{image(1, 1, '1'), "", "a.jpg"});
  CHECK(pairs.sample(1) == captioned_picture{image(1, 1, '2'), "two", "b/2.PNG"});
  CHECK(pairs.sample(2) == captioned_picture{image(1, 1, '3'), "three", "b/c/3.jpeg"});
  CHECK_THROWS_AS(pairs.sample(3), io_error);
  const blip_test::temporary_folder empty;
  CHECK_THROWS_AS(folder_pairs(empty.path.string(), blip_test::decode_digit), format_error);
  CHECK_THROWS_AS(folder_pairs(empty / "nowhere", blip_test::decode_digit), io_error);
}

TEST_CASE("retrieval_set: captions in order, and which picture each belongs to") {
  const blip_test::temporary_folder folder;
  put(folder / "a.json", R"([{"image": "a.jpg", "caption": ["p", "q"]}, {"image": "b.jpg", "caption": ["r"]}])");
  const retrieval_set set = make_retrieval_set(read_records(folder / "a.json", read_captioned));
  CHECK(set.images == std::vector<std::string>{"a.jpg", "b.jpg"});
  CHECK(set.texts == std::vector<std::string>{"p", "q", "r"});
  CHECK(set.image_of_text == std::vector<int>{0, 0, 1});
  CHECK(set.texts_of_image == std::vector<std::vector<int>>{{0, 1}, {2}});
  put(folder / "b.json", R"([{"image": "a", "caption": "p", "image_id": "x"}, {"image": "b", "caption": "q", "image_id": "y"},
    {"image": "a", "caption": "r", "image_id": "x"}])");
  CHECK(number_ids(read_records(folder / "b.json", read_captioned)) == std::vector<int>{0, 1, 0});
}

TEST_CASE("captioned_record: NoCaps has no captions, COCO's numbers stand in the names") {
  const captioned_record r = read_captioned(json_record(R"({"image": "val/0013.jpg", "img_id": 4499})", "here"));
  CHECK(r.captions.empty());
  CHECK(r.id == "4499");
  CHECK(coco_image_number("val2014/COCO_val2014_000000184613.jpg") == 184613);
  CHECK(coco_image_number("a/b_7.x.png") == std::nullopt);
  CHECK(coco_image_number("12.jpg") == 12);
  CHECK(coco_image_number("") == std::nullopt);
  CHECK(coco_image_number("a_.jpg") == std::nullopt);
}

TEST_CASE("open_pairs: a spec becomes sources with weights") {
  const blip_test::picture_folder folder;
  put(folder / "a.jsonl", "{\"image\": \"1.jpg\", \"caption\": \"one\"}\n");
  put(folder / "a.json", "[{\"image\": \"2.jpg\", \"caption\": \"two\"}]");
  put(folder / "a.tsv", "3.jpg\tthree\n");
  put(folder / "refcoco.json", "[{\"image\": \"1.jpg\", \"text\": \"the one\", \"ref_id\": 4}]");
  put(folder / "4.txt", "four");
  const auto first = [&](const std::string& spec, std::uint64_t i = 0) {
    return open_pairs(parse_data_spec(spec), blip_test::decode_digit).at(0).source.sample(i);
  };
  const std::string root = ",root=" + folder.path.string();
  CHECK(digit(first("jsonl:" + (folder / "a.jsonl") + root)) == '1');
  CHECK(digit(first("coco:" + (folder / "a.json") + root)) == '2');
  CHECK(digit(first("tsv:" + (folder / "a.tsv") + root)) == '3');
  CHECK(first("refcoco:" + (folder / "refcoco.json") + root).caption == "the one");
  CHECK(first("folder:" + folder.path.string(), 4).caption == "four");
  CHECK(first("scenes:nano,seed=3,split=test").picture.height == 32);
  const auto both = open_pairs(parse_data_spec("scenes:nano,weight=2"), blip_test::decode_digit);
  REQUIRE(both.size() == 2);
  CHECK(both[0].source.size() == 10'800);
  CHECK(both[1].source.size() == 26'400);
  CHECK(both[0].weight + both[1].weight == Approx(2));
  CHECK_THROWS_AS(open_pairs(parse_data_spec("vqa:x.json"), blip_test::decode_digit), config_error);
  CHECK_THROWS_AS(open_pairs(parse_data_spec("jsonl:nowhere"), blip_test::decode_digit), io_error);
}
