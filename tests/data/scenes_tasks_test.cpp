// SPDX-License-Identifier: Apache-2.0
#include "blip/data/scenes/tasks.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "blip/data/record_set.hpp"
#include "blip/data/scenes/parse.hpp"
#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;

namespace {

using scenes::split;

bool is_there(const std::string& picture, std::string_view phrase) {
  const auto c = scenes::parse(phrase);
  REQUIRE(c.has_value());
  return scenes::check(*c, scenes::named_picture(picture).shown()).is_true();
}
// Whether each word is one of captions or of tasks.
void check_words(const scenes::world& w, const std::string& text) {
  std::vector<std::string> known = scenes::word_list(w.size());
  known.insert(known.end(), scenes::task_words.begin(), scenes::task_words.end());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    INFO(text);
    CHECK(std::find(known.begin(), known.end(), text.substr(at, end - at)) != known.end());
    at = end + 1;
  }
}

}  // namespace

TEST_CASE("scenes tasks: questions have the answers that their scenes give", "[data][scenes]") {
  for (const auto size : {scenes::world_size::nano, scenes::world_size::base}) {
    const scenes::world w(size, 3);
    std::map<std::string, int> kinds, answers;
    for (std::uint64_t i = 0; i < 1500; ++i) {
      const vqa_record r = scenes::question(w, split::human, i);
      REQUIRE(r.answers == std::vector<std::string>(10, r.answers.at(0)));
      CAPTURE(r.question, r.answers[0], r.image);
      check_words(w, r.question), check_words(w, r.answers[0]);
      const scenes::scene s = scenes::named_picture(r.image).shown();
      std::string_view rest = r.question;
      REQUIRE(rest.ends_with(" ?"));
      rest.remove_suffix(2);
      if (rest.starts_with("what color is the ")) {
        CHECK(is_there(r.image, "a " + r.answers[0] + " " + std::string(rest.substr(18))));
        ++kinds["color"];
      } else if (rest.starts_with("what shape is ")) {
        CHECK(is_there(r.image, "a " + std::string(rest.substr(14)) + " " + r.answers[0]));
        ++kinds["shape"];
      } else if (rest == "how many shapes are there") {
        constexpr const char* counts[] = {"no", "one", "two", "three", "four", "five", "six"};
        CHECK(r.answers[0] == counts[s.objects.size()]);
        ++kinds["count"];
      } else {
        REQUIRE(rest.starts_with("is there "));
        CHECK(is_there(r.image, rest.substr(9)) == (r.answers[0] == "yes"));
        ++kinds["is"], ++answers[r.answers[0]];
      }
    }
    CHECK((kinds["color"] > 100 && kinds["shape"] > 100 && kinds["count"] > 200 && kinds["is"] > 300));
    CHECK(std::abs(answers["yes"] - answers["no"]) < kinds["is"] / 5);
  }
}

TEST_CASE("scenes tasks: statements are true of two pictures, or are not, as their labels say", "[data][scenes]") {
  const scenes::world w(scenes::world_size::nano, 1);
  int yes = 0, both = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const nlvr2_record r = scenes::pair_statement(w, split::test, i);
    CAPTURE(r.sentence, r.images[0], r.images[1]);
    check_words(w, r.sentence);
    CHECK(r.images[0] != r.images[1]);
    bool holds = true;
    std::string_view rest = r.sentence;
    for (std::size_t side = 0; side < 2; ++side) {
      const std::string_view where = side == 0 ? " in the left image" : " in the right image";
      const auto at = rest.find(where);
      if (at == rest.npos) continue;
      holds = holds && is_there(r.images[side], rest.substr(0, at));
      rest.remove_prefix(at + where.size());
      if (rest.starts_with(" and ")) rest.remove_prefix(5), ++both;
    }
    CHECK(rest.empty());
    CHECK(holds == r.label);
    // Said of the pictures in the other order it has the same label.
    const nlvr2_record turned = swapped(r);
    CHECK((turned.images[0] == r.images[1] && turned.label == r.label));
    yes += r.label;
  }
  CHECK((yes > 420 && yes < 580 && both > 350 && both < 650));
}

TEST_CASE("scenes tasks: premises entail, contradict and leave open", "[data][scenes]") {
  const scenes::world w(scenes::world_size::nano);
  std::map<int, int> labels;
  for (std::uint64_t i = 0; i < 900; ++i) {
    const entailment_record r = scenes::premise(w, split::human, i);
    CAPTURE(r.sentence, r.image, r.label);
    check_words(w, r.sentence);
    std::string text = r.sentence;
    bool open = false;
    for (const std::string_view more : scenes::boilerplate_words)
      if (text.ends_with(more)) open = true, text.resize(text.size() - more.size() - 1);
    CHECK(open == (r.label == 1));
    CHECK(is_there(r.image, text) == (r.label != 0));
    ++labels[r.label];
  }
  for (const auto& [label, count] : labels) CHECK((count > 230 && count < 370));
}

TEST_CASE("scenes tasks: an expression fits one of the things alone, and its box is that thing's", "[data][scenes]") {
  for (const auto size : {scenes::world_size::nano, scenes::world_size::base}) {
    const scenes::world w(size, 2);
    std::map<std::size_t, int> which;
    for (std::uint64_t i = 0; i < 600; ++i) {
      const referring_record r = scenes::expression(w, split::test, i);
      CAPTURE(r.text, r.image);
      check_words(w, r.text);
      const scenes::scene s = scenes::named_picture(r.image).shown();
      REQUIRE((s.objects.size() > 1 && r.proposed.size() == s.objects.size() && r.meant));
      const auto c = scenes::parse(r.text);
      REQUIRE((c && c->mentions.size() == 1));
      for (std::size_t k = 0; k < s.objects.size(); ++k) {
        const bool is = c->mentions[0].fits(s.objects[k]);
        CHECK(is == (r.proposed[k] == *r.meant));
        which[k] += is;
        const detection_box& box = r.proposed[k];
        CHECK((box[0] + box[2] / 2) * 256 == Approx(s.objects[k].x));
        CHECK((box[1] + box[3] / 2) * 256 == Approx(s.objects[k].y));
      }
    }
    CHECK((which[0] > 100 && which[1] > 100));
  }
  CHECK_THROWS_AS(scenes::expression(scenes::world(scenes::world_size::nano), split::test, 3000), shape_error);
}

TEST_CASE("scenes tasks: a record is a function of seed, split and number", "[data][scenes]") {
  const scenes::world w(scenes::world_size::nano, 5), other(scenes::world_size::nano, 6);
  std::set<std::string> seen;
  int differ = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const auto q = scenes::question(w, split::web, i);
    CHECK(q.question == scenes::question(scenes::world(scenes::world_size::nano, 5), split::web, i).question);
    differ += q.question != scenes::question(other, split::web, i).question;
    seen.insert(q.question + q.image);
    CHECK(q.image == "nano/5/web/" + std::to_string(i / 3));
  }
  CHECK((differ > 20 && seen.size() > 45));
  CHECK(scenes::task_records(w, split::test) == 3000);
  CHECK_NOTHROW(scenes::premise(w, split::test, 2999));
  CHECK_THROWS_AS(scenes::question(w, split::test, 3000), shape_error);
  CHECK_THROWS_AS(scenes::pair_statement(w, split::test, 3000), shape_error);
  CHECK_THROWS_AS(scenes::premise(w, split::test, 3000), shape_error);
}

TEST_CASE("record_set: a task's records come from its files or from a generated world", "[data][records]") {
  const auto decode = [](std::span<const std::byte>, const std::string&) { return image(1, 1, 7); };
  const auto world = open_record_set<entailment_record>(parse_data_spec("scenes:nano,split=test"), decode);
  CHECK((world.size == 3000 && world.picture(world.record(7).image).width == 32));
  CHECK_THROWS_WITH(open_record_set<entailment_record>(parse_data_spec("scenes:nano"), decode),
                    Catch::Contains("split=human"));
  CHECK_THROWS_WITH(open_record_set<nlvr2_record>(parse_data_spec("vqa:a.json"), decode), Catch::Contains("nlvr:FILE"));
  const blip_test::temporary_folder folder;
  blip_test::put(folder / "a.json", R"([{"sentence": "both", "label": "True", "images": ["a.png", "b.png"]},
                                        {"sentence": "broken", "label": "Maybe", "images": ["a.png", "b.png"]}])");
  blip_test::put(folder / "b.png", "bytes");
  skipped_samples skipped;
  const std::string spec = "nlvr:" + (folder / "a.json") + ",root=" + folder.path.string();
  const auto file = open_record_set<nlvr2_record>(parse_data_spec(spec), decode, &skipped);
  CHECK((file.size == 1 && skipped.skipped() == 1 && file.record(0).label));
  CHECK(pictures_of(file.record(0)) == std::vector<std::string>{"a.png", "b.png"});
  CHECK(file.picture("b.png").width == 1);
  CHECK_THROWS_AS(file.picture("a.png"), io_error);
  CHECK_THROWS_AS(open_record_set<nlvr2_record>(parse_data_spec(spec), decode), format_error);
}
