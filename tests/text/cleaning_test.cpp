// SPDX-License-Identifier: Apache-2.0
#include "blip/text/cleaning.hpp"

#include "support/catch.hpp"

using namespace blip;

TEST_CASE("cleaning: each family treats punctuation in its own way", "[text]") {
  const char* text = "A man's \"best-friend\", it's said: <person>!";
  CHECK(clean_caption(cleaning::albef, text) == "a mans best friend its said person");
  CHECK(clean_caption(cleaning::blip, text) == "a man's best-friend , it's said <person>");
  CHECK(clean_question(cleaning::albef, "What's red/green?") == "whats red green");
  CHECK(clean_question(cleaning::blip, "What's red/green?") == "what's red/green?");
}

TEST_CASE("cleaning: captions and BLIP's questions are clean the second time, and keep their number of words",
          "[text]") {
  for (const char* text :
       {"A  man!! and -- a (dog): x/y ~ <person> #1 * ;", "\ta\r\n b \n", "U.S.A.", "  . a . ", "it's 5 o'clock?"})
    for (const int words : {1, 2, 5, 50}) {
      const std::string albef = clean_caption(cleaning::albef, text, words),
                        blip = clean_caption(cleaning::blip, text, words);
      CHECK(clean_caption(cleaning::albef, albef, words) == albef);
      CHECK(clean_caption(cleaning::blip, blip, words) == blip);
      CHECK(std::count(albef.begin(), albef.end(), ' ') < words);
      CHECK(std::count(blip.begin(), blip.end(), ' ') < words);
    }
}

TEST_CASE("cleaning: a prompt goes in front", "[text]") {
  CHECK(clean_caption(cleaning::blip, "A dog.", 30, "a picture of ") == "a picture of a dog");
}

TEST_CASE("cleaning: lower case is Unicode's, final sigma and dotted I included", "[text]") {
  CHECK(clean_caption(cleaning::blip, "\xce\x91\xce\xa3 \xce\xa3\xce\x91") == "\xce\xb1\xcf\x82 \xcf\x83\xce\xb1");
  CHECK(clean_caption(cleaning::blip, "\xce\x91'\xce\xa3'") == "\xce\xb1'\xcf\x82'");
  CHECK(clean_caption(cleaning::blip, "\xce\xa3") == "\xcf\x83");
  CHECK(clean_caption(cleaning::blip, "\xc4\xb0") == "i\xcc\x87");
}

TEST_CASE("cleaning: what cannot be cleaned is refused by type", "[text]") {
  CHECK_THROWS_AS(clean_caption(cleaning::blip, "a\xff"), format_error);
  CHECK_THROWS_AS(clean_question(cleaning::albef, "a\xc3"), format_error);
  CHECK_THROWS_AS(clean_caption(cleaning::blip, "a", 0), config_error);
  CHECK_THROWS_AS(clean_caption(cleaning::blip, std::string(65'537, 'a')), limit_error);
  CHECK(clean_caption(cleaning::blip, std::string(65'536, 'a')).size() == 65'536);
}
