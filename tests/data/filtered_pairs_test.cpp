// SPDX-License-Identifier: Apache-2.0
#include "blip/data/filtered_pairs.hpp"

#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/pairs.hpp"
#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

TEST_CASE("filtered_pairs: captions come from the file, pictures by their names") {
  const blip_test::picture_folder folder;
  put(folder / "a.jsonl",
      "{\"image\":\"1.jpg\",\"caption\":\"one\",\"source\":\"web\",\"itm_probability\":0.75}\n"
      "{ \"itm_probability\" : null, \"more\": [], \"source\": \"synthetic\", \"caption\": \"\", \"image\": \"2.jpg\" "
      "}\r\n\n"
      "{\"image\":\"1.jpg\",\"caption\":\"\\u00fcber \\\"\",\"source\":\"synthetic\",\"itm_probability\":1}");
  const filtered_pairs pairs(folder / "a.jsonl", [&](const std::string& name) { return folder.root().read(name); });
  REQUIRE(pairs.size() == 3);
  CHECK(pairs.record(0) == filtered_record{"1.jpg", "one", text_source::web, 0.75f});
  CHECK(pairs.record(1) == filtered_record{"2.jpg", "", text_source::synthetic, std::nullopt});
  CHECK(pairs.record(2) == filtered_record{"1.jpg",
                                           "\xc3\xbc"
                                           "ber \"",
                                           text_source::synthetic, 1.f});
  CHECK(pairs.sample(2) == captioned_picture{image(1, 1, '1'),
                                             "\xc3\xbc"
                                             "ber \"",
                                             "1.jpg"});
  CHECK(any_pairs(pairs).sample(1).picture.pixels[0] == '2');
  CHECK_THROWS_AS(pairs.sample(3), shape_error);
  CHECK_THROWS_AS(filtered_pairs(folder / "nowhere", [](const std::string&) { return image(); }), io_error);
  CHECK_THROWS_AS(filtered_pairs(folder / "a.jsonl", nullptr), config_error);
}

TEST_CASE("filtered_pairs: a line that is no record throws what is wrong with it, the others stay") {
  const blip_test::temporary_folder folder;
  const std::string good = R"({"image":"a","caption":"b","source":"web","itm_probability":0.5})";
  std::string lines = good + "\n";
  const std::vector<std::string> bad{"nonsense",
                                     "[1]",
                                     R"({"caption":"b","source":"web","itm_probability":0.5})",
                                     R"({"image":"","caption":"b","source":"web","itm_probability":0.5})",
                                     R"({"image":"a","caption":["b"],"source":"web","itm_probability":0.5})",
                                     R"({"image":"a","caption":"b","itm_probability":0.5})",
                                     R"({"image":"a","caption":"b","source":"found","itm_probability":0.5})",
                                     R"({"image":"a","caption":"b","source":"web"})",
                                     R"({"image":"a","caption":"b","source":"web","itm_probability":"0.5"})",
                                     R"({"image":"a","caption":"b","source":"web","itm_probability":1.5})",
                                     R"({"image":"a","caption":"b","source":"web","itm_probability":0.5)"};
  for (const auto& b : bad) lines += b + "\n";
  put(folder / "a.jsonl", lines + good);
  const filtered_pairs pairs(folder / "a.jsonl", [](const std::string&) { return image(1, 1); });
  REQUIRE(pairs.size() == bad.size() + 2);
  CHECK(pairs.sample(0).caption == "b");
  CHECK(pairs.sample(bad.size() + 1).caption == "b");
  for (std::uint64_t i = 1; i <= bad.size(); ++i) {
    CAPTURE(bad[i - 1]);
    CHECK_THROWS_AS(pairs.sample(i), format_error);
    CHECK_THROWS_WITH(pairs.sample(i), Catch::Contains("a.jsonl: line " + std::to_string(i + 1)));
  }
  put(folder / "b.jsonl",
      R"({"image":"a","caption":")" + std::string(70'000, 'b') + R"(","source":"web","itm_probability":0})");
  CHECK_THROWS_AS(filtered_pairs(folder / "b.jsonl", [](const std::string&) { return image(); }).sample(0),
                  limit_error);
}

TEST_CASE("named_picture: the name that a pair of a world has finds its picture and its scene") {
  for (const auto size : {scenes::world_size::nano, scenes::world_size::mini, scenes::world_size::base})
    for (const std::uint64_t seed : {std::uint64_t{0}, ~std::uint64_t{0}})
      for (std::size_t part = 0; part < scenes::split_names.size(); ++part) {
        const scenes::pairs pairs(scenes::world(size, seed), static_cast<scenes::split>(part));
        for (const std::uint64_t i : {std::uint64_t{0}, std::uint64_t{7}, pairs.size() - 1}) {
          const scenes::named_picture found(pairs.name(i));
          CHECK((found.of().size() == size && found.of().seed() == seed && found.part() == pairs.part()));
          CHECK(found.number() == pairs.picture_of(i));
          CHECK(found.shown() == pairs.scene_of(i));
          if (size == scenes::world_size::nano) CHECK(found.picture() == pairs.sample(i).picture);
        }
      }
}

TEST_CASE("named_picture: other texts are refused, and what was expected is said") {
  for (const char* name : {"",
                           "/",
                           "nano",
                           "nano/0",
                           "nano/0/web",
                           "nano/0/web/",
                           "nano/0/web/17/",
                           "nano/0/web/17/1",
                           "/nano/0/web/17",
                           "nano/0/web/017",
                           "nano/00/web/17",
                           "nano/0/web/+17",
                           "nano/0/web/-1",
                           "nano/0/web/ 17",
                           "nano/0/web/26400",
                           "nano/0/web/99999999999999999999",
                           "nano/99999999999999999999/web/1",
                           "Nano/0/web/17",
                           "nano/0/webtest/17",
                           "nano//web/17",
                           "../0/web/17"})
    CHECK_THROWS_AS(scenes::named_picture(name), format_error);
  CHECK_THROWS_WITH(scenes::named_picture("nano/0/web/26400"), Catch::Contains("a number up to 26399"));
  CHECK_THROWS_WITH(scenes::named_picture("nano/0/wep/1"), Catch::Contains("web-test"));
  CHECK(scenes::named_picture("nano/0/web/26399").number() == 26'399);
  CHECK_THROWS_AS(scenes::named_picture(std::string(1'000'000, '/')), format_error);
}

TEST_CASE("filtered_pairs: a generated world's pictures come back by the names in a file") {
  const blip_test::temporary_folder folder;
  const scenes::pairs web(scenes::world(scenes::world_size::nano, 3), scenes::split::web);
  std::string lines;
  for (std::uint64_t i = 0; i < 20; ++i)
    lines += "{\"image\":\"" + web.name(i * 7) + "\",\"caption\":\"a\",\"source\":\"web\",\"itm_probability\":null}\n";
  put(folder / "a.jsonl", lines);
  const filtered_pairs pairs(folder / "a.jsonl",
                             [](const std::string& name) { return scenes::named_picture(name).picture(); });
  REQUIRE(pairs.size() == 20);
  for (std::uint64_t i = 0; i < 20; ++i) CHECK(pairs.sample(i).picture == web.sample(i * 7).picture);
}
