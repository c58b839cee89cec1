// SPDX-License-Identifier: Apache-2.0
#include "blip/eval/caption_words.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>

#include "support/catch.hpp"

using namespace blip;

namespace {

std::string joined(const std::string& caption) {
  std::string out;
  for (const std::string& w : caption_words(caption)) out += (out.empty() ? "" : " ") + w;
  return out;
}

}  // namespace

// What the published tokenizer gives, measured.
TEST_CASE("caption words: clitics, abbreviations, numbers and compounds as the published tokenizer has them",
          "[eval]") {
  const std::pair<const char*, const char*> cases[] = {
      {"I'm sure they've DON'T it's", "i 'm sure they 've do n't it 's"},
      {"wouldn't've y'all c'mon 'tis", "would n't 've y' all c'mon 't is"},
      {"rock 'n' roll, ol' man O'Neil", "rock 'n' roll ol' man o'neil"},
      {"it\xe2\x80\x99s \xe2\x80\x9c"
       "fine\xe2\x80\x9d",
       "it 's fine"},
      {"He lives in the U.S. with Mr. T", "he lives in the u.s. with mr. t"},
      {"No. 5 is no. of", "no. 5 is no of"},
      {"etc., and so on etc.", "etc. and so on etc."},
      {"a b. c", "a b. c"},
      {"3-D 4x4 1,000.5 at 10:30am, 24/7", "3-d 4x4 1,000.5 at 10:30 am 24/7"},
      {"AT&T b&w R&B", "at&t b & w r&b"},
      {"black/white-red and/or w/ it", "black/white-red and/or w / it"},
      {"one--two --- four- -----", "one two four -----"},
      {"snake_case a__b", "snake_case a __ b"},
      {":) ;-( wow!! no?", ":-rrb- ;--lrb- wow !! no"},
      {"dog.cat what?yes", "dog.cat what?yes"},
      {"me@site.org www.site.com/xy, #tag @home", "me@site.org www.site.com/xy #tag @home"},
      {"x &amp; <b>y</b>", "x & <b> y </b>"},
      {"\xc2\xbd cup \xe2\x82\xac"
       "5",
       "1/2 cup $ 5"},
      {"caf\xc3\xa9 Gr\xc3\xb6\xc3\x9f"
       "e-stra\xc3\x9f"
       "e",
       "caf\xc3\xa9 gr\xc3\xb6\xc3\x9f"
       "e-stra\xc3\x9f"
       "e"},
      {"thumbs \xf0\x9f\x91\x8d up", "thumbs up"},
      // Chains of parts, from places within them too.
      {"7.a.7.com/x 7.b", "7.a.7.com / x 7 b"},
      {"a%b%c@d.org e%f", "a%b%c@d.org e % f"},
      {"x.7.jpg x.7.jpx.", "x.7.jpg x. 7 jpx"},
      {"www.7.de/page www.7", "www.7.de/page www .7"},
      {"1,a,2,b-c 1,a,b", "1,a,2,b-c 1 a b"}};
  for (const auto& [caption, words] : cases) CHECK(joined(caption) == words);
}

TEST_CASE("caption words: line ends are spaces, an empty caption has no words", "[eval]") {
  CHECK(joined("a\nb\r\n\tc") == "a b c");
  CHECK(joined("").empty());
  CHECK(joined(" . , ! ").empty());
}

TEST_CASE("caption words: words come out as they go in the second time", "[eval]") {
  for (const char* caption :
       {"A man's dog isn't (really) there; it's 5 o'clock p.m. now", "Two well-dressed cats... & $5"}) {
    const std::string once = joined(caption);
    CHECK(joined(once) == once);
  }
}

TEST_CASE("caption words: what is not UTF-8 or too long is refused, what is long takes no time", "[eval]") {
  CHECK_THROWS_AS(caption_words("a\xff"), format_error);
  CHECK_THROWS_AS(caption_words(std::string(65'537, 'a')), limit_error);
  const auto begin = std::chrono::steady_clock::now();
  for (const char* unit : {"a", "a-", "a.", "'", "a'", "<", "-", "1,", "&", "a/", ":", "A&", "@a", "www.", "a.1.", "a%", "a__", "1,a,", "a%@.."}) {
    std::string text;
    while (text.size() + 8 < 65'536) text += unit;
    caption_words(text);
  }
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() < 10);
}

TEST_CASE("caption words: time grows with the text, whatever it holds", "[eval]") {
  // Each of them looks like a long address, file name or compound from any place, and is none.
  for (const char* unit : {"averylongword.7777777777777.", "averylongword%7777777777777%", "averylongword__7777777777777__",
                           "averylongword,7777777777777,", "averylongword%7777777777777@..", "a picture <of "}) {
    // The least processor time of two runs. Four times the text takes about four times as long; pair by pair, sixteen.
    const auto seconds = [&](std::size_t size) {
      std::string text;
      while (text.size() < size) text += unit;
      double least = 1e9;
      for (int run = 0; run < 2; ++run) {
        const std::clock_t begin = std::clock();
        CHECK(caption_words(text, {.caption_bytes = 4'000'000}).size() > size / 30);  // not one long token
        least = std::min(least, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
      }
      return least;
    };
    CHECK(seconds(2'000'000) < 10 * std::max(seconds(500'000), 0.01));
  }
}
