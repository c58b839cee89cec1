// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>

#include "blip/data/data_spec.hpp"
#include "support/catch.hpp"

using namespace blip;

TEST_CASE("data_spec: worlds with seed and split, files with root, and weights") {
  const data_spec plain = parse_data_spec("scenes:nano");
  CHECK(plain.kind == data_kind::scenes);
  CHECK(plain.size() == scenes::world_size::nano);
  CHECK(plain.seed == 0);
  CHECK(plain.weight == 1);
  CHECK_FALSE(plain.part.has_value());
  const data_spec full = parse_data_spec("scenes:base,split=web-test,seed=18446744073709551615,weight=0.25");
  CHECK(full.size() == scenes::world_size::base);
  CHECK(full.part == scenes::split::web_test);
  CHECK(full.seed == 18446744073709551615u);
  CHECK(full.weight == 0.25);
  const data_spec file = parse_data_spec("jsonl:out/pairs=1.jsonl,root=/data/a:b");
  CHECK(file.kind == data_kind::jsonl);
  CHECK(file.target == "out/pairs=1.jsonl");
  CHECK(file.root == "/data/a:b");
  for (const char* kind : {"coco", "jsonl", "tsv", "webdataset", "folder", "vqa", "nlvr", "snli-ve", "refcoco"})
    CHECK(data_kind_names[static_cast<std::size_t>(parse_data_spec(std::string(kind) + ":x").kind)] == kind);
  for (const char* split : {"human", "web", "test", "web-test", "withheld"})
    CHECK(scenes::split_names[static_cast<std::size_t>(*parse_data_spec(std::string("scenes:mini,split=") + split).part)] ==
          std::string(split));
}

TEST_CASE("data_spec: a word that is not valid is a config_error that names the nearest") {
  const auto hint = [](const char* text) {
    try {
      parse_data_spec(text);
    } catch (const config_error& e) {
      return e.hint();
    }
    return std::string("nothing was thrown");
  };
  CHECK(hint("scene:nano") == "did you mean scenes?");
  CHECK(hint("json:a") == "did you mean jsonl?");
  CHECK(hint("scenes:mega") == "did you mean mini?");
  CHECK(hint("scenes:") == "did you mean nano?");
  CHECK(hint("scenes:nano,sed=3") == "did you mean seed?");
  CHECK(hint("scenes:nano,root=x") == "did you mean seed?");
  CHECK(hint("jsonl:a,rot=x") == "did you mean root?");
  CHECK(hint("scenes:nano,split=humans") == "did you mean human?");
  CHECK(hint("scenes:nano,split=withold") == "did you mean withheld?");
}

TEST_CASE("data_spec: numbers are whole numbers and weights that there can be, and nothing is said twice") {
  for (const char* text : {"", ":", "scenes", "jsonl:", "scenes:nano,", "scenes:nano,seed=", "scenes:nano,seed=-1",
                           "scenes:nano,seed=1x", "scenes:nano,seed=18446744073709551616", "scenes:nano,weight=0",
                           "scenes:nano,weight=-1", "scenes:nano,weight=nan", "scenes:nano,weight=inf",
                           "scenes:nano,weight=1e10", "scenes:nano,seed=1,seed=2", "scenes:nano,seed",
                           "scenes:nano,=1", "jsonl:a,seed=1"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_data_spec(text), config_error);
  }
}

TEST_CASE("nearest_word: fewest changes of letters, the first of several") {
  constexpr std::array<std::string_view, 3> words{"caption", "retrieval", "option"};
  CHECK(nearest_word("captoin", words) == "caption");
  CHECK(nearest_word("", words) == "option");
  CHECK(nearest_word("retrieve", words) == "retrieval");
  CHECK(nearest_word(std::string(1'000'000, 'r'), words) == "retrieval");
  CHECK(nearest_word("x", {}).empty());
}
