// SPDX-License-Identifier: Apache-2.0
#include "blip/train/checkpoint_store.hpp"

#include <ctime>
#include <set>

#include "support/catch.hpp"
#include "train/run_content.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr checkpoint_options small{.keep = 2, .block_bytes = 64};

std::set<std::string> names(const std::string& folder) {
  std::set<std::string> out;
  for (const auto& e : std::filesystem::directory_iterator(folder)) out.insert(e.path().filename().string());
  return out;
}
using set = std::set<std::string>;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

TEST_CASE("checkpoint_store: what was saved is what is read", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "a/b/checkpoints", small);
  CHECK_FALSE(store.newest());
  save(store, 5);
  const auto found = store.newest();
  REQUIRE(found);
  CHECK(found->step() == 5);
  CHECK(is_right(*found));
  CHECK(names(store.folder()) == set{"LATEST", "step-5"});
  CHECK(names(found->folder()) == set{"empty", "manifest.json", "moments", "values"});
  CHECK(get(store.folder() + "/LATEST") == "step-5\n");
  CHECK(found->find("values")->bytes == 155);
  CHECK(found->find("values")->blocks.size() == 3);
  CHECK(found->find("other") == nullptr);

  std::vector<std::byte> values(155);
  found->read("values", values);
  CHECK(values == content("values", 5, 150));
  std::vector<std::pair<std::uint64_t, std::size_t>> blocks;
  found->each_block("values",
                    [&](std::uint64_t at, std::span<const std::byte> b) { blocks.emplace_back(at, b.size()); });
  CHECK(blocks == std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 64}, {64, 64}, {128, 27}});
  CHECK_THROWS_AS(found->read("values", std::span(values).first(154)), shape_error);
  CHECK_THROWS_AS(found->read("other"), format_error);
}

TEST_CASE("checkpoint_store: a file is the same in any pieces, across blocks of a MiB", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints");
  const auto all = content("values", 1, (5u << 19) + 11);
  const std::size_t pieces[] = {1, 1000, 1u << 20, (1u << 20) + 1, all.size()};
  for (std::size_t i = 0; i < std::size(pieces); ++i) {
    store.save(static_cast<std::int64_t>(i), [&](checkpoint_writer<>& w) {
      if (i == 0) w.write("values", std::span(all).first(0)), w.write("values", std::span(all).first(1));
      for (std::size_t at = i == 0 ? 1 : 0; at < all.size(); at += i == 0 ? all.size() : pieces[i])
        w.write("values", std::span(all).subspan(at, std::min(i == 0 ? all.size() : pieces[i], all.size() - at)));
    });
    const auto found = store.newest();
    REQUIRE(found->step() == static_cast<std::int64_t>(i));
    CHECK(found->files()[0].blocks.size() == 3);
    CHECK(found->read("values") == all);
  }
}

TEST_CASE("checkpoint_store: every flipped byte is found, with file and block", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", small);
  save(store, 4);
  const std::string folder = store.newest()->folder();
  long flips = 0;
  for (const auto& name : names(folder)) {
    const std::string path = folder + "/" + name, right = get(path);
    for (std::size_t i = 0; i < right.size(); ++i)
      for (const int flip : {1 << (i % 8), 255}) {
        std::string wrong = right;
        wrong[i] = static_cast<char>(wrong[i] ^ flip);
        put(path, wrong);
        std::string where;
        try {
          saved_checkpoint<>(folder).verify();
        } catch (const format_error& e) {
          where = e.where();
        }
        const auto block = name == "manifest.json" ? 0 : i / 64;
        REQUIRE(where == path + ": block " + std::to_string(block) + " is damaged");
        REQUIRE_FALSE(store.newest());
        ++flips;
      }
    put(path, right);
  }
  CHECK(flips > 900);
  CHECK(is_right(*store.newest()));
}

TEST_CASE("checkpoint_store: every shorter and longer file is found", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", small);
  save(store, 4);
  const std::string folder = store.newest()->folder();
  for (const auto& name : names(folder)) {
    const std::string path = folder + "/" + name, right = get(path);
    for (std::size_t n = 0; n < right.size(); ++n) {
      put(path, right.substr(0, n));
      CHECK_THROWS_AS(saved_checkpoint<>(folder).verify(), format_error);
    }
    put(path, right + '\0');
    CHECK_THROWS_AS(saved_checkpoint<>(folder).verify(), format_error);
    std::filesystem::remove(path);
    CHECK_THROWS_AS(saved_checkpoint<>(folder).verify(), io_error);
    put(path, right);
  }
  put(folder + "/values", get(folder + "/values").substr(0, 130));
  try {
    saved_checkpoint<>(folder).verify();
    FAIL("a file that lacks bytes was accepted");
  } catch (const format_error& e) {
    CHECK(e.where() == folder + "/values: block 2 is damaged");
    CHECK(e.expected() == "154 bytes");
    CHECK(e.actual() == "130 in all");
  }
}

TEST_CASE("checkpoint_store: a damaged checkpoint is passed over, and told", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", small);
  save(store, 1), save(store, 2);
  std::string values = get(store.folder() + "/step-2/values");
  values[100] = static_cast<char>(values[100] ^ 4);
  put(store.folder() + "/step-2/values", values);
  std::vector<std::string> why;
  const auto found = store.newest([&](const error& e) { why.push_back(e.where()); });
  REQUIRE(found);
  CHECK(found->step() == 1);
  CHECK(is_right(*found));
  CHECK(why == std::vector<std::string>{store.folder() + "/step-2/values: block 1 is damaged"});

  save(store, 2);  // what is in the way steps aside
  CHECK(store.newest()->step() == 2);
  CHECK(is_right(*store.newest()));
  CHECK(names(store.folder()) == set{"LATEST", "step-1", "step-2"});
}

TEST_CASE("checkpoint_store: a checkpoint under the name of another step is not taken", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", small);
  save(store, 1);
  std::filesystem::rename(store.folder() + "/step-1", store.folder() + "/step-9");
  CHECK_FALSE(store.newest());
}

TEST_CASE("checkpoint_store: a wrong LATEST does no harm", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", small);
  save(store, 3), save(store, 20);
  const std::string latest = store.folder() + "/LATEST";
  for (const std::string text : {"", "\n", "step-", "step-7", "step--3", "step-020", "step-99999999999999999999",
                                 "garbage", "../../etc/passwd", "step-3x", "step-20.tmp-1"}) {
    put(latest, text);
    CAPTURE(text);
    CHECK(store.newest()->step() == 20);
  }
  put(latest, std::string(1 << 20, '\xff'));
  CHECK(store.newest()->step() == 20);
  std::filesystem::remove(latest);
  CHECK(store.newest()->step() == 20);
  std::filesystem::create_directory(latest);
  CHECK(store.newest()->step() == 20);
  std::filesystem::remove(latest);

  put(latest, "step-3\n");  // a run that was wound back
  CHECK(store.newest()->step() == 3);
  put(store.folder() + "/step-3/manifest.json", "{}");
  CHECK(store.newest()->step() == 20);
}

TEST_CASE("checkpoint_store: keeps the newest n and leaves other things alone", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", {.keep = 3, .block_bytes = 64});
  put(store.folder() + "/notes.txt", "mine");
  std::filesystem::create_directory(store.folder() + "/step-1-backup");
  for (const int step : {1, 2, 10, 30, 40}) save(store, step);
  const set others{"LATEST", "notes.txt", "step-1-backup"};
  set expected = others;
  expected.insert({"step-10", "step-30", "step-40"});
  CHECK(names(store.folder()) == expected);
  save(store, 35);  // wound back: 40 is not older
  expected = others;
  expected.insert({"step-10", "step-30", "step-35", "step-40"});
  CHECK(names(store.folder()) == expected);
  CHECK(store.newest()->step() == 35);
}

TEST_CASE("checkpoint_store: a step can be saved again", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", {.keep = 1, .block_bytes = 64});
  for (const char* text : {"one", "two", "three"})
    store.save(7, [&](checkpoint_writer<>& w) { w.write("values", bytes_of(text)); });
  const auto values = store.newest()->read("values");
  CHECK(std::string(reinterpret_cast<const char*>(values.data()), values.size()) == "three");
  CHECK(names(store.folder()) == set{"LATEST", "step-7"});
}

TEST_CASE("checkpoint_store: what stepped aside is used when its successor did not arrive", "[train]") {
  const temporary_folder run;
  const std::string folder = run / "checkpoints";
  {
    checkpoint_store store(folder, small);
    save(store, 7);
  }
  std::filesystem::rename(folder + "/step-7", folder + "/step-7.old-0");
  checkpoint_store store(folder, small);
  REQUIRE(store.newest());
  CHECK(is_right(*store.newest()));
  save(store, 8);
  CHECK(names(folder) == set{"LATEST", "step-7.old-0", "step-8"});
  save(store, 9);
  CHECK(names(folder) == set{"LATEST", "step-8", "step-9"});
}

TEST_CASE("checkpoint_store: opening removes what an interrupted save left", "[train]") {
  const temporary_folder run;
  const std::string folder = run / "checkpoints";
  std::filesystem::create_directories(folder + "/step-3.tmp-17/deeper");
  put(folder + "/step-3.tmp-17/deeper/values", "x");
  put(folder + "/LATEST.tmp-17", "x");
  put(folder + "/mine.tmp-1", "x");
  const checkpoint_store store(folder);
  CHECK(names(folder) == set{"mine.tmp-1"});
}

TEST_CASE("checkpoint_store: one at a time, and looking is free", "[train]") {
  const temporary_folder run;
  const std::string folder = run / "checkpoints";
  {
    checkpoint_store store(folder);
    save(store, 1);
    CHECK_THROWS_AS(checkpoint_store(folder), io_error);
    CHECK(newest_checkpoint<>(folder)->step() == 1);
  }
  CHECK_NOTHROW(checkpoint_store(folder));
  CHECK_THROWS_AS(newest_checkpoint<>(run / "nowhere"), io_error);
}

TEST_CASE("checkpoint_store: a save that is given up leaves nothing", "[train]") {
  const temporary_folder run;
  checkpoint_store store(run / "checkpoints", small);
  save(store, 1);
  struct changed_mind {};
  CHECK_THROWS_AS(store.save(2,
                             [](checkpoint_writer<>& w) {
                               w.write("values", bytes_of("half"));
                               throw changed_mind{};
                             }),
                  changed_mind);
  const auto refuse = [&](auto write) {
    CHECK_THROWS_AS(store.save(2, write), config_error);
    CHECK(names(store.folder()) == set{"LATEST", "step-1"});
  };
  for (const std::string name : {"", ".", "..", "a/b", "../values", ".hidden", "manifest.json", "a b", "a\"b"})
    refuse([&](checkpoint_writer<>& w) { w.write(name, bytes_of("x")); });
  refuse([](checkpoint_writer<>& w) {
    w.write("a", bytes_of("x")), w.write("b", bytes_of("x")), w.write("a", bytes_of("x"));
  });
  CHECK_THROWS_AS(save(store, -1), config_error);
  CHECK_THROWS_AS(checkpoint_store(run / "x", {.keep = 0}), config_error);
  CHECK_THROWS_AS(checkpoint_store(run / "x", {.block_bytes = 0}), config_error);
  CHECK(is_right(*store.newest()));
  save(store, 2);
  CHECK(store.newest()->step() == 2);
}

TEST_CASE("checkpoint_store: a manifest that lies with a right checksum is refused", "[train]") {
  const temporary_folder run;
  const auto parse = [&](const std::string& body) {
    put(run / "manifest.json", body + detail::manifest_end(body));
    return saved_checkpoint<>(run.path.string());
  };
  const std::string head = R"({"format":1,"step":1,"block_bytes":64,"files":[)";
  CHECK(parse(head + "]").step() == 1);
  CHECK(parse(head + R"({"name":"a","bytes":65,"crc32c":[1,2]}])").files().size() == 1);
  for (const std::string& body :
       {head + R"({"name":"../a","bytes":0,"crc32c":[]}])", head + R"({"name":"a","bytes":65,"crc32c":[1]}])",
        head + R"({"name":"a","bytes":0,"crc32c":[]},{"name":"a","bytes":0,"crc32c":[]}])",
        head + R"({"name":"a","bytes":-1,"crc32c":[]}])", head + R"({"name":"a","bytes":1,"crc32c":[4294967296]}])",
        head + R"({"name":"a","bytes":18446744073709551615,"crc32c":[]}])", head + "7]", head,
        std::string(R"({"format":2,"step":1,"block_bytes":64,"files":[])"),
        std::string(R"({"format":1,"step":9223372036854775808,"block_bytes":64,"files":[])"),
        std::string(R"({"format":1,"step":1,"block_bytes":0,"files":[])"),
        std::string(R"({"format":1,"step":1,"block_bytes":67108865,"files":[])"),
        std::string(R"({"format":1,"step":1,"block_bytes":64)"), std::string("[1")}) {
    CAPTURE(body);
    CHECK_THROWS_AS(parse(body), format_error);
  }
  limits tight;
  tight.json_bytes = 10;
  CHECK_THROWS_AS(saved_checkpoint<>(run.path.string(), {}, tight), limit_error);
}

TEST_CASE("checkpoint_store: a manifest of very many files is read in no time, and a name that comes back is seen",
          "[train]") {
  std::string body = R"({"format":1,"step":1,"block_bytes":64,"files":[)";
  const auto add = [&](int i) { body += R"({"name":"part-)" + std::to_string(i) + R"(","bytes":0,"crc32c":[]},)"; };
  for (int i = 0; i < 100'000; ++i) add(i);
  const auto parse = [](std::string text) {
    text.back() = ']';  // in place of the last comma
    return detail::parse_manifest("manifest.json", text + detail::manifest_end(text), {});
  };
  const std::clock_t begin = std::clock();
  CHECK(parse(body).files.size() == 100'000);
  CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 2);
  add(7);
  CHECK_THROWS_AS(parse(body), format_error);
}
