// SPDX-License-Identifier: Apache-2.0
#include "blip/io/zip_file.hpp"

#include "archives.hpp"
#include "blip/io/zip_member.hpp"
#include "support/catch.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::vector<zip_part> two{{.name = "a/one", .bytes = "hello"},
                                {.name = "a/two", .bytes = std::string(70'000, 'x'), .deflate = true}};

std::string text_of(const zip_file& z, const char* name) {
  const auto bytes = zip_member(z, *z.find(name)).read_rest();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct archive {
  scratch_folder folder{"zip"};
  limits bounds{};
  std::string opened(const std::string& bytes) const {
    const std::string path = folder.put("x.zip", bytes);
    return outcome([&] {
      const zip_file z(path, bounds);
      for (const auto& e : z.entries()) zip_member(z, e).read_rest();
    });
  }
  // With the bytes at a place (from the end, when negative) replaced.
  std::string patched(std::string bytes, std::ptrdiff_t at, const std::string& with) const {
    bytes.replace(static_cast<std::size_t>(at < 0 ? static_cast<std::ptrdiff_t>(bytes.size()) + at : at), with.size(),
                  with);
    return opened(bytes);
  }
};

}  // namespace

TEST_CASE("zip: stored and deflated members come out, in every dialect", "[io]") {
  const scratch_folder folder("zip");
  for (const int descriptor : {0, 12, 16, 20, 24})
    for (const bool wide : {false, true})
      for (const bool end64 : {false, true}) {
        auto parts = two;
        for (auto& p : parts) p.descriptor = descriptor, p.wide = wide, p.padding = "FB" + u16(3) + "ZZZ";
        parts.push_back({.name = "a/empty", .descriptor = descriptor, .wide = wide});
        const zip_file z(folder.put("x.zip", make_zip(parts, {.end64 = end64})));
        REQUIRE(z.entries().size() == 3);
        for (const auto& p : parts) CHECK(text_of(z, p.name.c_str()) == p.bytes);
        CHECK(z.find("one") == nullptr);
      }
}

TEST_CASE("zip: an archive that two readers could read in two ways is refused", "[io]") {
  const archive a;
  const std::string good = make_zip(two);
  CHECK(a.opened(good) == "read");
  CHECK(a.opened(make_zip({})) == "read");
  CHECK(a.opened(good + "x") == "format");
  CHECK(a.opened("x" + good) == "format");
  CHECK(a.opened(good + make_zip({})) == "format");
  CHECK(a.opened(make_zip(two, {.comment = "end"})) == "format");
  CHECK(a.opened(make_zip(two, {.between = "-"})) == "format");
  CHECK(a.opened(make_zip(two, {.before_directory = "-"})) == "format");
  CHECK(a.opened(make_zip(two, {.repeat = true})) == "format");
  CHECK(a.opened(make_zip(two, {.count_off = 1})) == "format");
  CHECK(a.opened(make_zip({two[0], two[0]})) == "format");
  CHECK(a.patched(good, 6, "\1") == "format");    // encrypted, in the local header
  CHECK(a.patched(good, 8, "\x08") == "format");  // another method
  CHECK(a.patched(good, 14, "?") == "format");    // another checksum
  CHECK(a.patched(good, 22, "\4") == "format");   // another size
  CHECK(a.patched(good, 30, "b") == "format");    // another name
  CHECK(a.patched(good, 35, "j") == "format");    // other data
  CHECK(a.patched(good, -18, "\1") == "format");  // another disk
  CHECK(a.patched(good, -12, "\1") == "format");  // fewer entries
  CHECK(a.patched(good, -12, u16(3) + u16(3)) == "format");
  CHECK(a.patched(good, -10, u32(7)) == "format");
  CHECK(a.patched(good, -6, u32(7)) == "format");
  CHECK(a.patched(good, -6, u32(0xffffffff)) == "format");  // ZIP64 without its records
  const std::string wide = make_zip(two, {.end64 = true});
  CHECK(a.patched(wide, -22 - 20 + 8, u64(std::uint64_t{1} << 62)) == "format");
  CHECK(a.patched(wide, -22 - 20 - 56 + 24, u64(9)) == "format");
  CHECK(a.patched(wide, -22 - 20 - 56 + 40, u64(~std::uint64_t{})) == "format");
  CHECK(a.patched(wide, -6, u32(0xffffffff)) == "read");
}

TEST_CASE("zip: names stay below their root", "[io]") {
  const archive a;
  for (const char* name : {"/a", "../a", "a/../b", "..", "a\\b", "", "\xff"}) {
    INFO(name);
    CHECK(a.opened(make_zip({{.name = name}})) == "format");
  }
  CHECK(a.opened(make_zip({{.name = std::string("a\0b", 3)}})) == "format");
  CHECK(a.opened(make_zip({{.name = "a..b/...c"}})) == "read");
}

TEST_CASE("zip: compressed members are held against what they claim", "[io]") {
  const archive a;
  const std::string stream = deflated("hello");
  const std::string good = make_zip({{.name = "a", .bytes = "hello", .deflate = true}});
  const auto directory = static_cast<std::ptrdiff_t>(31 + stream.size());
  const auto claim = [&](const char* what, std::uint64_t stored, std::uint64_t bytes) {
    INFO(what);
    std::string s = good;
    s.replace(18, 8, u32(stored) + u32(bytes))
        .replace(static_cast<std::size_t>(directory) + 20, 8, u32(stored) + u32(bytes));
    return a.opened(s);
  };
  CHECK(claim("truth", stream.size(), 5) == "read");
  CHECK(claim("more bytes", stream.size(), 6) == "format");
  CHECK(claim("fewer bytes", stream.size(), 4) == "format");
  CHECK(claim("no bytes", stream.size(), 0) == "format");
  CHECK(claim("more than deflate can do", stream.size(), 1u << 20) == "format");
  std::string lie = make_zip({{.name = "a", .bytes = "hello"}});
  lie[8] = lie[36 + 10] = 8;  // stored, but said to be deflated
  CHECK(a.opened(lie) == "format");
  CHECK(a.patched(good, 31, "\xff") == "format");
  CHECK(a.opened(make_zip({{.name = "a", .bytes = "x"}, {.name = "b", .bytes = "", .deflate = true}})) == "read");
}

TEST_CASE("zip: limits hold at their bounds", "[io]") {
  archive a;
  const std::string bytes = make_zip(two);
  a.bounds.zip_entries = 2, a.bounds.name_bytes = 5, a.bounds.inflated_bytes = 70'000,
  a.bounds.zip_directory_bytes = 2 * 51;
  CHECK(a.opened(bytes) == "read");
  for (std::uint64_t limits::*bound :
       {&limits::zip_entries, &limits::name_bytes, &limits::inflated_bytes, &limits::zip_directory_bytes}) {
    archive less = {};
    less.bounds = a.bounds;
    --(less.bounds.*bound);
    CHECK(less.opened(bytes) == "limit");
  }
}

TEST_CASE("zip: an error names the file, the member and both sides", "[io]") {
  const scratch_folder folder("zip");
  std::string bytes = make_zip(two);
  bytes[35] = 'j';
  const std::string path = folder.put("x.zip", bytes);
  const zip_file z(path);
  try {
    text_of(z, "a/one");
    FAIL("not refused");
  } catch (const format_error& e) {
    CHECK(e.where() == path + ": damaged zip archive (a/one)");
    CHECK(e.expected() == "checksum 907060870");
    CHECK_FALSE(e.actual().empty());
    CHECK_FALSE(e.hint().empty());
  }
}
