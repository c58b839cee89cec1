// SPDX-License-Identifier: Apache-2.0
#include "blip/core/one_line.hpp"

#include "support/catch.hpp"

using blip::detail::one_line;

TEST_CASE("one_line: what could end a line or steer a terminal is shown as a question mark", "[core]") {
  CHECK(one_line("a.b caf\xc3\xa9") == "a.b caf\xc3\xa9");
  CHECK(one_line(std::string("a\nb\tc\x1b[2J\x7f\0d", 11)) == "a?b?c?[2J??");
  CHECK(one_line("").empty());
}

TEST_CASE("one_line: a long text is cut between characters", "[core]") {
  CHECK(one_line("abcdef", 6) == "abcdef");
  CHECK(one_line("abcdef", 5) == "abcde...");
  CHECK(one_line("ab\xe5\xad\x97", 4) == "ab...");  // the character has three bytes
  CHECK(one_line("ab\xe5\xad\x97", 5) == "ab\xe5\xad\x97");
  CHECK(one_line(std::string(5'000, 'x')).size() == 1'027);
}
