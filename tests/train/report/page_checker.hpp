// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace blip_test {

// What is wrong with a page that should be well-formed as XML; empty when nothing is. Knows nothing of the writer.
class page_checker {
 public:
  explicit page_checker(std::string_view page) : rest_(page) {
    constexpr std::string_view doctype = "<!DOCTYPE html>\n";
    if (!page.starts_with(doctype)) fail("no doctype");
    rest_.remove_prefix(doctype.size());
    while (!rest_.empty() && fault.empty()) rest_[0] == '<' ? tag() : character();
    if (fault.empty() && !open_.empty()) fail("not closed: " + open_.back());
  }

  std::string fault{};
  std::multiset<std::string> elements{};
  std::vector<std::string> sources{}, links{};
  std::set<std::string> ids{};
  std::string text{};  // of all elements, entities decoded

 private:
  void fail(const std::string& what) {
    if (fault.empty()) fault = what + " at: " + std::string(rest_.substr(0, 60));
  }
  std::string name() {
    std::string n;
    while (!rest_.empty() && (std::isalnum(static_cast<unsigned char>(rest_[0])) || rest_[0] == '-' || rest_[0] == ':'))
      n += rest_[0], rest_.remove_prefix(1);
    if (n.empty()) fail("a name is missing");
    return n;
  }
  bool take(std::string_view token) {
    const bool there = rest_.starts_with(token);
    if (there) rest_.remove_prefix(token.size());
    return there;
  }
  void tag() {
    if (take("</")) {
      const std::string n = name();
      if (open_.empty() || open_.back() != n) fail("closes what is not open: " + n);
      if (!open_.empty()) open_.pop_back();
      if (!take(">")) fail("a closing tag with more");
      return;
    }
    rest_.remove_prefix(1);
    const std::string n = name();
    elements.insert(n);
    while (fault.empty() && take(" ")) {
      const std::string a = name();
      if (!take("=\"")) fail("an attribute without a quoted value");
      std::string value;
      while (fault.empty() && !rest_.empty() && rest_[0] != '"') {
        if (rest_[0] == '<') fail("< in an attribute");
        value += one();
      }
      if (!take("\"")) fail("an attribute that does not end");
      if (a == "src") sources.push_back(value);
      if (a == "href") links.push_back(value);
      if (a == "id" && !ids.insert(value).second) fail("an id twice: " + value);
      if (a.starts_with("on")) fail("a handler: " + a);
    }
    if (take("/>")) return;
    open_.push_back(n);
    if (!take(">")) fail("a tag that does not end");
  }
  void character() {
    if (rest_[0] == '>' && open_.back() != "style") fail("a bare >");
    text += one();
  }
  std::string one() {
    const auto c = static_cast<unsigned char>(rest_[0]);
    if (c == '&') {
      for (const auto& [entity, meant] :
           {std::pair{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}})
        if (take(entity)) return meant;
      fail("a bare &");
    }
    if ((c < 0x20 && c != '\n') || c == 0x7f) fail("a control character");
    const std::size_t n = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    const std::string s(rest_.substr(0, n));
    for (std::size_t i = 1; i < n; ++i)
      if (i >= s.size() || (static_cast<unsigned char>(s[i]) & 0xc0) != 0x80) fail("no UTF-8");
    if (n > 1 && c < 0xc2) fail("no UTF-8");
    rest_.remove_prefix(s.size());
    return s;
  }

  std::string_view rest_;
  std::vector<std::string> open_{};
};

}  // namespace blip_test
