// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "blip/data/collect_words.hpp"
#include "blip/data/hold_out.hpp"
#include "blip/data/open_pair_set.hpp"
#include "blip/data/retrieval_set_of.hpp"
#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

namespace {

pair_set open(const std::string& spec) { return open_pair_set(parse_data_spec(spec), blip_test::decode_digit); }

// Pairs in memory: pictures of one pixel, `captions` samples of each.
struct numbered {
  std::uint64_t pictures = 100, captions = 3;
  std::uint64_t size() const { return pictures * captions; }
  captioned_picture sample(std::uint64_t i) const { return {image(1, 1, 7), "a caption", std::to_string(i)}; }
};
pair_set in_memory(std::uint64_t pictures, const std::string& prefix = "p", std::uint64_t captions = 3) {
  return {numbered{pictures, captions},
          [=](std::uint64_t i) {
            return pair_text{prefix + std::to_string(i / captions), {"a caption"}};
          },
          [](const std::string&) { return image(1, 1, 7); }};
}
std::set<std::string> names(const pair_set& s) {
  std::set<std::string> all;
  for (std::uint64_t i = 0; i < s.size(); ++i) all.insert(s.name(i));
  return all;
}

}  // namespace

TEST_CASE("pair_set: a sample of files is called by its file, and the name finds the picture", "[train][own]") {
  const blip_test::picture_folder folder;
  const std::string root = ",root=" + folder.path.string();
  put(folder / "list.json", R"([{"image": "1.jpg", "caption": "one", "image_id": "coco_1"},
                               {"image": "2.jpg", "caption": ["two", "deux"], "image_id": "coco_2"}])");
  put(folder / "lines.jsonl", "{\"image\": \"3.jpg\", \"caption\": \"three\"}\n");
  put(folder / "table.tsv", "4.jpg\tfour\n");
  const pair_set list = open("coco:" + (folder / "list.json") + root);
  CHECK(list.size() == 2);
  CHECK(list.sample(0) == captioned_picture{image(1, 1, '1'), "one", "1.jpg"});  // not the id, which is no file
  CHECK(list.text(1) == pair_text{"2.jpg", {"two", "deux"}});
  CHECK(list.picture("2.jpg") == image(1, 1, '2'));
  CHECK(list.picture("9.jpg") == image(1, 1, '9'));
  CHECK_THROWS_AS(list.picture("../1.jpg"), format_error);
  CHECK(open("jsonl:" + (folder / "lines.jsonl") + root).sample(0) ==
        captioned_picture{image(1, 1, '3'), "three", "3.jpg"});
  CHECK(open("tsv:" + (folder / "table.tsv") + root).text(0) == pair_text{"4.jpg", {"four"}});

  const blip_test::temporary_folder sidecars;
  std::filesystem::create_directories(sidecars / "in");
  put(sidecars / "in/a.jpg", "5"), put(sidecars / "in/a.txt", " five \n");
  const pair_set side = open("folder:" + sidecars.path.string());
  CHECK((side.text(0) == pair_text{"in/a.jpg", {"five"}} && side.picture("in/a.jpg") == image(1, 1, '5')));

  const pair_set world = open("scenes:nano,split=web");
  CHECK(world.sample(5).picture == world.picture(world.name(5)));
  CHECK(world.sample(5).caption == world.text(5).captions.at(0));
  CHECK_THROWS_WITH(open("scenes:nano"), Catch::Contains("a split"));
  CHECK_THROWS_WITH(open("vqa:x.json"), Catch::Contains("read_records"));
}

TEST_CASE("pair_set: a caption that is not UTF-8 is a broken sample", "[train][own]") {
  const blip_test::picture_folder folder;
  put(folder / "table.tsv", "4.jpg\tf\xff\xfeour\n5.jpg\tfive\n");
  const pair_set pairs = open("tsv:" + (folder / "table.tsv") + ",root=" + folder.path.string());
  CHECK_THROWS_WITH(pairs.sample(0), Catch::Contains("the caption of 4.jpg") && Catch::Contains("UTF-8"));
  CHECK(pairs.sample(1).caption == "five");
}

TEST_CASE("join_pairs: several sets may use one name; numbers tell them apart", "[train][own]") {
  const blip_test::picture_folder one, two;
  put(two / "1.jpg", "8");
  put(one / "a.tsv", "1.jpg\tone\n2.jpg\ttwo\n"), put(two / "a.tsv", "1.jpg\teight\n");
  const pair_set both = join_pairs({open("tsv:" + (one / "a.tsv") + ",root=" + one.path.string()),
                                    open("tsv:" + (two / "a.tsv") + ",root=" + two.path.string())});
  REQUIRE(both.size() == 3);
  CHECK(both.sample(0) == captioned_picture{image(1, 1, '1'), "one", "0:1.jpg"});
  CHECK(both.sample(2) == captioned_picture{image(1, 1, '8'), "eight", "1:1.jpg"});
  CHECK(both.picture("1:1.jpg") == image(1, 1, '8'));
  for (const char* name : {"1.jpg", "2:1.jpg", ":1.jpg", "", "0"}) CHECK_THROWS_AS(both.picture(name), format_error);
  CHECK_THROWS_AS(both.sample(3), shape_error);
  CHECK_THROWS_AS(join_pairs({}), config_error);
  CHECK(join_pairs({open("tsv:" + (one / "a.tsv") + ",root=" + one.path.string())}).name(0) == "1.jpg");
}

TEST_CASE("hold_out: all captions of a picture are on one side, the same ones in any order", "[train][own]") {
  const pair_set all = in_memory(100);
  const held_out_pairs parts = hold_out(all, 0.1, 1000, 3);
  const std::set<std::string> rest = names(parts.rest), test = names(parts.test);
  CHECK((test.size() == 10 && rest.size() == 90 && parts.test.size() == 30 && parts.rest.size() == 270));
  for (const std::string& name : test) CHECK_FALSE(rest.contains(name));

  std::vector<std::uint64_t> backwards;
  for (std::uint64_t i = all.size(); i-- > 0;) backwards.push_back(i);
  CHECK(names(hold_out(choose_pairs(all, backwards), 0.1, 1000, 3).test) == test);
  CHECK(names(hold_out(all, 0.1, 1000, 4).test) != test);
  CHECK(names(hold_out(all, 0.1, 4, 3).test).size() == 4);
  CHECK(names(hold_out(in_memory(2), 0.1, 1000).test).size() == 1);
  CHECK(names(hold_out(in_memory(3), 0.99, 1000).rest).size() == 1);  // never all
  CHECK_THROWS_AS(hold_out(in_memory(1), 0.1, 1000), config_error);
  CHECK_THROWS_AS(hold_out(all, 0, 1000), config_error);
  CHECK_THROWS_AS(hold_out(all, 1, 1000), config_error);
}

TEST_CASE("hold_out: a sample whose name cannot be read stays where it is asked for again", "[train][own]") {
  const pair_set all(
      numbered{10, 1},
      [](std::uint64_t i) {
        if (i == 4) throw format_error({"line 4", "a record", "none", {}});
        return pair_text{std::to_string(i), {"a"}};
      },
      [](const std::string&) { return image(1, 1, 7); });
  const held_out_pairs parts = hold_out(all, 0.5, 1000);
  CHECK(parts.rest.size() + parts.test.size() == 10);
  int broken = 0;
  for (std::uint64_t i = 0; i < parts.rest.size(); ++i) try {
      static_cast<void>(parts.rest.text(i));
    } catch (const error&) {
      ++broken;
    }
  CHECK(broken == 1);
}

TEST_CASE("collect_words: whole words by their number, rare ones and broken samples left out", "[train][own]") {
  const std::vector<std::string> captions{"A red circle.", "a RED Square, b\xc3\xa9ret", "a circle and a beret",
                                          "once"};
  const pair_set set(
      numbered{5, 1},
      [&](std::uint64_t i) {
        if (i == 4) throw format_error({"line 4", "a record", "none", {}});
        return pair_text{"p", {captions[static_cast<std::size_t>(i)]}};
      },
      [](const std::string&) { return image(1, 1, 7); });
  const std::vector<pair_set> sets{set};
  CHECK(collect_words(sets) ==
        std::vector<std::string>{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "beret", "circle", "red"});
  CHECK(collect_words(sets, {.least = 2, .most = 2}).size() == 7);
  CHECK(collect_words(sets, {.least = 1}).size() == 5 + 8);  // square, the comma, and, once
  CHECK_THROWS_AS(collect_words(sets, {.least = 9}), config_error);
}

TEST_CASE("retrieval_set_of: captions of a picture belong together, in one record or in several", "[train][own]") {
  const blip_test::picture_folder folder;
  put(folder / "a.jsonl",
      "{\"image\": \"1.jpg\", \"caption\": \"one\"}\n{\"image\": \"2.jpg\", \"caption\": [\"two\", \"deux\"]}\n"
      "{\"image\": \"1.jpg\", \"caption\": \"un\"}\nnonsense\n");
  skipped_samples skipped;
  const retrieval_set set =
      retrieval_set_of(open("jsonl:" + (folder / "a.jsonl") + ",root=" + folder.path.string()), skipped);
  CHECK(set.images == std::vector<std::string>{"1.jpg", "2.jpg"});
  CHECK(set.texts == std::vector<std::string>{"one", "un", "two", "deux"});
  CHECK(set.image_of_text == std::vector<int>{0, 0, 1, 1});
  CHECK(skipped.skipped() == 1);
  const retrieval_set second = only_pictures(set, {false, true});
  CHECK((second.texts == std::vector<std::string>{"two", "deux"} && second.image_of_text == std::vector<int>{0, 0}));
}
