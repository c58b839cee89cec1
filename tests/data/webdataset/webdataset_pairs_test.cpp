// SPDX-License-Identifier: Apache-2.0
#include "blip/data/webdataset_pairs.hpp"

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "data/temporary_data.hpp"
#include "support/catch.hpp"

using namespace blip;
using blip_test::put;

namespace {

// A tar member by hand (POSIX 1003.1, ustar): a header of 512 bytes with a checksum, then the bytes in blocks of 512.
std::string member(const std::string& name, const std::string& bytes, char type = '0') {
  std::string header(512, '\0');
  const auto set = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  set(0, name), set(100, "0000644"), set(108, "0000000"), set(116, "0000000");
  std::array<char, 16> octal{};
  std::snprintf(octal.data(), octal.size(), "%011zo", bytes.size());
  set(124, octal.data()), set(136, "00000000000"), set(148, "        "), set(156, std::string(1, type));
  set(257, std::string("ustar\0", 6)), set(263, "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(octal.data(), octal.size(), "%06o", sum);
  set(148, std::string(octal.data()) + '\0' + ' ');
  return header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
}
const std::string tar_end(1024, '\0');

}  // namespace

TEST_CASE("webdataset_pairs: samples of several shards, in order, whatever else lies between") {
  const blip_test::temporary_folder folder;
  put(folder / "s-08.tar", member("a/0001.jpg", "1") + member("a/0001.txt", "one") + member("a/0001.cls", "7") +
                               member("a/", "", '5') + member("a/0002.txt", "two") + member("a/0002.PNG", "2") + tar_end);
  // A name of 300 characters needs a header of its own in front of the member.
  const std::string name = std::string(290, 'n') + "3.jpeg", record = std::to_string(name.size() + 10) + " path=" + name + "\n";
  put(folder / "s-09.tar", member("pax", record, 'x') + member("short", "3") +
                               member(std::string(80, 'k') + ".json", R"({"caption": "other"})") +
                               member(std::string(80, 'k') + ".ppm", "5") + member(".hidden.jpg", "8") + tar_end);
  put(folder / "s-10.tar", member("x.jpg", "4") + member("x.seg.png", "6") + member("x.txt", std::string(1000, 'w')) + tar_end);
  const webdataset_pairs pairs(folder / "s-{08..10}.tar", blip_test::decode_digit);
  REQUIRE(pairs.size() == 5);
  CHECK(pairs.sample(0) == captioned_picture{image(1, 1, '1'), "one", "a/0001"});
  CHECK(pairs.sample(1) == captioned_picture{image(1, 1, '2'), "two", "a/0002"});
  CHECK_THROWS_AS(pairs.sample(2), format_error);  // a picture alone
  CHECK(pairs.sample(3) == captioned_picture{image(1, 1, '5'), "other", std::string(80, 'k')});
  CHECK(pairs.sample(4) == captioned_picture{image(1, 1, '4'), std::string(1000, 'w'), "x"});
}

TEST_CASE("webdataset_pairs: a shard that is cut off, compressed or no tar file is a format_error") {
  const blip_test::temporary_folder folder;
  const std::string whole = member("1.jpg", "1") + member("1.txt", std::string(700, 'a')) + tar_end;
  for (const std::size_t n : {0u, 1u, 100u, 511u, 513u, 1300u, 1600u, 2047u}) {
    put(folder / "cut.tar", whole.substr(0, n));
    INFO(n);
    CHECK_THROWS_AS(webdataset_pairs(folder / "cut.tar", blip_test::decode_digit), format_error);
  }
  put(folder / "zip.tar", std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10) + std::string(600, 'z'));
  CHECK_THROWS_AS(webdataset_pairs(folder / "zip.tar", blip_test::decode_digit), format_error);
  put(folder / "text.tar", std::string(2000, 't'));
  CHECK_THROWS_AS(webdataset_pairs(folder / "text.tar", blip_test::decode_digit), format_error);
  put(folder / "none.tar", tar_end);
  CHECK_THROWS_AS(webdataset_pairs(folder / "none.tar", blip_test::decode_digit), format_error);
  CHECK_THROWS_AS(webdataset_pairs(folder / "nowhere.tar", blip_test::decode_digit), io_error);
}

TEST_CASE("webdataset_pairs: links are not followed, and large members are refused when they are asked for") {
  const blip_test::temporary_folder folder;
  std::string link = member("1.jpg", "", '2');
  put(folder / "a.tar", link + member("1.txt", "one") + member("2.jpg", "2") + member("2.txt", "12345678") + tar_end);
  limits tight;
  tight.caption_bytes = 7;
  const webdataset_pairs pairs(folder / "a.tar", blip_test::decode_digit, tight);
  REQUIRE(pairs.size() == 2);
  CHECK_THROWS_AS(pairs.sample(0), format_error);
  CHECK_THROWS_AS(pairs.sample(1), limit_error);
}

TEST_CASE("shard_names: digits as they are written, several braces, and what is wrong") {
  CHECK(shard_names("a.tar") == std::vector<std::string>{"a.tar"});
  CHECK(shard_names("a-{08..11}.tar") == std::vector<std::string>{"a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"});
  CHECK(shard_names("{0..1}/{8..9}") == std::vector<std::string>{"0/8", "0/9", "1/8", "1/9"});
  CHECK(shard_names("{18446744073709551614..18446744073709551615}").size() == 2);
  for (const char* text : {"{", "{1}", "{1..}", "{..2}", "{2..1}", "{a..b}", "{1..2", "{1.2}", "{-1..2}", "}{", "{1}..",
                           "{1..99999999999999999999}"}) {
    INFO(text);
    CHECK_THROWS_AS(shard_names(text), format_error);
  }
  CHECK_THROWS_AS(shard_names("{0..18446744073709551615}"), limit_error);
  CHECK_THROWS_AS(shard_names("{0..9999}{0..9999}"), limit_error);
}
