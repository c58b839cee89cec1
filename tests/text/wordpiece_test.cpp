// SPDX-License-Identifier: Apache-2.0
#include "blip/text/wordpiece.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace blip;

namespace {

using ids = std::vector<int>;

// Ids 0 to 4 are the special tokens.
vocabulary few() {
  return vocabulary({"[PAD]",        "[UNK]", "[CLS]", "[SEP]",  "[MASK]", "a", "dog", "##s",
                     "##gy",         "do",    "##g",   ".",      "'",      "s", "n't", "\xce\xb1\xcf\x83",
                     "\xe6\x97\xa5", "un",    "##aff", "##able", "#"});
}

double seconds(auto&& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("wordpiece: the longest piece wins, from left to right", "[text]") {
  const wordpiece t(few());
  CHECK(t.encode("dogs") == ids{2, 6, 7, 3});
  CHECK(t.encode("doggy") == ids{2, 6, 8, 3});
  CHECK(t.encode("unaffable") == ids{2, 17, 18, 19, 3});
  CHECK(t.encode("DOG. a") == ids{2, 6, 11, 5, 3});
}

TEST_CASE("wordpiece: a word without a piece is unknown as a whole", "[text]") {
  const wordpiece t(few());
  CHECK(t.encode("dogx a") == ids{2, 1, 5, 3});
  CHECK(t.encode(std::string(100, 'x')) == ids{2, 1, 3});
}

TEST_CASE("wordpiece: a word of 101 characters is unknown, one of 100 is not", "[text]") {
  vocabulary v = few();
  v.add("aa", "test");
  v.add("##a", "test");
  const wordpiece t(v);
  CHECK(t.encode(std::string(100, 'a')).size() == 101);
  CHECK(t.encode(std::string(101, 'a')) == ids{2, 1, 3});
  std::string accented;  // 100 characters of two bytes
  for (int i = 0; i < 100; ++i) accented += "\xc3\xa1";
  CHECK(t.encode(accented).size() == 101);
}

TEST_CASE("wordpiece: special tokens are recognised as they are written, even within a word", "[text]") {
  const wordpiece t(few());
  CHECK(t.encode("dog[SEP]s") == ids{2, 6, 3, 13, 3});
  CHECK(t.encode("[MASK][MASK]") == ids{2, 4, 4, 3});
  CHECK(t.encode("[mask]") == ids{2, 1, 1, 1, 3});
  CHECK(albef_tokenizer(few()).encode("dog[SEP]") == ids{2, 6, 3});
}

TEST_CASE("wordpiece: added tokens get the next ids, unless the vocabulary has them", "[text]") {
  const wordpiece t = blip_tokenizer(few());
  CHECK(t.size() == 23);
  CHECK(t.id("[DEC]") == 21);
  CHECK(t.id("[ENC]") == 22);
  CHECK(t.is_special(21));
  CHECK(t.encode("[DEC] dog") == ids{2, 21, 6, 3});
  CHECK(blip_tokenizer(t.tokens()).size() == 23);
  CHECK_THROWS_AS(t.id("cat"), config_error);
}

TEST_CASE("wordpiece: truncation counts [CLS] and [SEP] and keeps both", "[text]") {
  const wordpiece t(few()), open = albef_tokenizer(few());
  CHECK(t.encode("dogs a", 4) == ids{2, 6, 7, 3});
  CHECK(t.encode("dogs a", 5) == ids{2, 6, 7, 5, 3});
  CHECK(t.encode("dogs a", 99) == t.encode("dogs a"));
  CHECK(t.encode("dogs a", 2) == ids{2, 3});
  CHECK(open.encode("dogs a", 3) == ids{2, 6, 7});
  CHECK_THROWS_AS(t.encode("dogs", 1), config_error);
  CHECK_THROWS_AS(t.encode("dogs", -1), config_error);
  CHECK(t.encode_batch(std::vector<std::string>{"a", "dogs"}, 3) == std::vector<ids>{{2, 5, 3}, {2, 6, 3}});
}

TEST_CASE("wordpiece: control characters and NUL vanish, an empty text has no words", "[text]") {
  const wordpiece t(few());
  using std::string_literals::operator""s;
  CHECK(t.encode("") == ids{2, 3});
  CHECK(t.encode("d\0og\x01s\xe2\x80\x8d"s) == ids{2, 6, 7, 3});
  CHECK(t.encode("\0"s) == ids{2, 3});
  CHECK(t.encode(" \t\r\n\xc2\xa0\xe3\x80\x80") == ids{2, 3});
  CHECK(t.encode("a\xe6\x97\xa5s") == ids{2, 5, 16, 13, 3});
}

TEST_CASE("wordpiece: accents go, a capital sigma never takes its final form", "[text]") {
  const wordpiece t(few());
  CHECK(t.encode("d\xc3\xb6gs") == t.encode("dogs"));
  CHECK(t.encode("do\xcc\x88g\xcc\x81\xcc\xa3s") == t.encode("dogs"));
  CHECK(t.encode("\xce\x91\xce\xa3") == ids{2, 15, 3});
}

TEST_CASE("wordpiece: what is not UTF-8 is refused, and the byte is named", "[text]") {
  const wordpiece t(few());
  for (const char* bad : {"a\xff", "a\xc3", "a\xc0\x80", "a\xed\xa0\x80", "a\xf4\x90\x80\x80", "a\x80", "a\xe6\x97"}) {
    INFO(bad);
    try {
      t.encode(bad);
      FAIL("read");
    } catch (const format_error& e) {
      CHECK(e.where() == "wordpiece: the text: byte 1");
    }
  }
}

TEST_CASE("wordpiece: a text is bounded; a word of a megabyte and a storm of accents take no time", "[text]") {
  const std::string word(1u << 20, 'x');
  CHECK_THROWS_AS(wordpiece(few()).encode(word), limit_error);
  wordpiece_options open;
  open.bounds.caption_bytes = 4u << 20;
  const wordpiece t(few(), open);
  std::string storm = "dog";
  for (int i = 0; i < 200'000; ++i) storm += i % 2 ? "\xcc\x81" : "\xcc\xa3";  // two classes, which must change places
  CHECK(seconds([&] {
          CHECK(t.encode(word) == ids{2, 1, 3});
          CHECK(t.encode(storm) == ids{2, 6, 3});
          CHECK(t.encode(std::string(1u << 20, '.')).size() == (1u << 20) + 2);
        }) < 5);  // generous: sanitizers run this as well
}

TEST_CASE("wordpiece: every code point has ids, and one within a word is at most a word of its own", "[text]") {
  const wordpiece t(few());
  std::string all;
  std::size_t most = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string one = "a";
    append_utf8(one, c);
    all += one.substr(1);
    if (c < 0x3400 || c % 17 == 0) most = std::max(most, t.encode(one += 's').size());
    if (all.size() > 60'000 || c == 0x10ffff) {
      const ids of_all = t.encode(all);
      CHECK(of_all.size() >= 2);
      for (const int id : of_all) CHECK((id >= 0 && id < t.size()));
      all.clear();
    }
  }
  CHECK(most == 5);  // [CLS] a . s [SEP]
}

TEST_CASE("wordpiece: decoding joins pieces and cleans up", "[text]") {
  const wordpiece t = blip_tokenizer(few());
  CHECK(t.decode(ids{2, 5, 6, 7, 11, 3, 0, 0}) == "a dogs.");
  CHECK(t.decode(ids{2, 5, 6, 11, 3}, {.skip_special = false}) == "[CLS] a dog. [SEP]");
  CHECK(t.decode(ids{5, 6, 11}, {.clean_up = false}) == "a dog .");
  CHECK(t.decode(ids{6, 12, 13, 9, 14}) == "dog's don't");
  CHECK(t.decode(ids{}) == "");
  CHECK(t.decode(ids{7, 6}) == "##s dog");
  CHECK(t.decode(ids{21, 7}, {.skip_special = false}) == "[DEC] ##s");
  CHECK(t.decode_batch(std::vector<ids>{{5}, {6, 7}}) == std::vector<std::string>{"a", "dogs"});
  CHECK_THROWS_AS(t.decode(ids{23}), shape_error);
  CHECK_THROWS_AS(t.decode(ids{-1}), shape_error);
}

TEST_CASE("wordpiece: plain words survive a round trip", "[text]") {
  const wordpiece t(few());
  for (const char* text : {"a dog", "dogs. a doggy dog.", "unaffable dogs"}) CHECK(t.decode(t.encode(text)) == text);
}

TEST_CASE("wordpiece: a prompt is open at its end", "[text]") {
  const wordpiece t = blip_tokenizer(few());
  CHECK(t.open("a dog ") == ids{2, 5, 6});
}

TEST_CASE("wordpiece: a vocabulary without BERT's special tokens is refused", "[text]") {
  for (const char* missing : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    vocabulary v;
    for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"})
      if (std::string(name) != missing) v.add(name, "test");
    try {
      wordpiece t(v);
      FAIL("made without " << missing);
    } catch (const format_error& e) {
      CHECK(e.expected() == missing);
    }
  }
}
