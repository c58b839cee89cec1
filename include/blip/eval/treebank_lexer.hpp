// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "blip/eval/treebank_tables.hpp"
#include "blip/text/code_points.hpp"

namespace blip::inline BLIP_ABI {

namespace detail {

// Tokens of English text by the Penn Treebank's conventions, as the lexer in front of the published caption metrics
// gives them: at each place the rule that sees furthest wins, at a tie the first. What it calls something else is
// renamed: brackets (-lrb-), dashes (--), quotes (' and "), currencies. Not every one of its rules is here, only what
// captions hold; emoji and other symbols that it does not know vanish, as they do there. Time is linear in the text,
// whatever it holds: what a rule walks over is either taken or remembered.
// Source: Marcus et al. 1993; behaviour measured with the tokenizer of Stanford CoreNLP 3.4.1.
class treebank_lexer {
 public:
  explicit treebank_lexer(std::u32string text) : text_(std::move(text)) {}

  std::vector<std::u32string> tokens() {
    std::vector<std::u32string> out;
    for (std::size_t at = 0; at < text_.size();) {
      if (is_white_space(text_[at])) {
        ++at;
        continue;
      }
      best_ = {};
      find(at);
      const std::size_t end = std::max(best_.end, at + 1);
      if (best_.end > at) out.push_back(best_.name.empty() ? text_.substr(at, end - at) : best_.name);
      at = end;
    }
    return out;
  }

 private:
  struct match {
    std::size_t seen = 0, end = 0;  // with and without what must follow
    std::u32string name{};          // what the token is called instead
  };

  char32_t at(std::size_t i) const { return i < text_.size() ? text_[i] : U'\n'; }
  static bool is_ascii_letter(char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z'); }
  // The lexer knows two-byte characters, and no variation selectors.
  static bool is_known_plane(char32_t c) { return c < 0xfe00 || (c > 0xfe0f && c < 0x10000); }
  static bool is_letter(char32_t c) {
    if (c < 0x80) return is_ascii_letter(c);
    const auto k = category_of(c);
    return is_known_plane(c) && ((k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_MC) || c == 0xad);
  }
  static bool is_number(char32_t c) {
    return c < 0x80 ? c >= U'0' && c <= U'9' : is_known_plane(c) && category_of(c) == UTF8PROC_CATEGORY_ND;
  }
  static bool is_plain(char32_t c) { return is_ascii_letter(c) || (c >= U'0' && c <= U'9'); }
  static bool is_alphanumeric(char32_t c) { return (is_letter(c) && c != 0xad) || is_number(c); }
  static bool is_apostrophe(char32_t c) { return c == U'\'' || c == 0x92 || c == 0x2019; }
  static bool is_quote_like(char32_t c) {
    return is_apostrophe(c) || c == U'`' || c == 0x91 || c == 0x2018 || c == 0x201b;
  }
  static bool is_one_of(char32_t c, std::u32string_view set) { return set.find(c) != set.npos; }

  template <class P>
  std::size_t skip(std::size_t i, P is) const {
    while (i < text_.size() && is(text_[i])) ++i;
    return i;
  }
  // The same for places that never go back, each run walked once; `end` belongs to one P.
  template <class P>
  std::size_t skip_once(std::size_t& end, std::size_t i, P is) const {
    if (i >= end) end = skip(i, is);
    return end;
  }
  // Parts joined by single periods, and the last of them, the first not counted, that `fits` (part 0: none does). Places
  // never go back, and each chain is walked once: what it says holds for those i within it at which something `inside`
  // stands, if the part begins behind them.
  struct chain {
    std::size_t end = 0, part = 0, part_end = 0;
  };
  template <class P, class F>
  void walk(chain& c, std::size_t i, P inside, F fits) const {
    if (i < c.end) return;
    c = {skip(i, inside)};
    while (c.end > i && at(c.end) == U'.' && inside(at(c.end + 1))) {
      const std::size_t part = c.end + 1;
      c.end = skip(part, inside);
      if (fits(part, c.end)) c.part = part, c.part_end = c.end;
    }
  }
  // Whether lower-case ASCII stands at i, in any case.
  bool says(std::size_t i, std::string_view word) const {
    for (std::size_t k = 0; k < word.size(); ++k) {
      const char32_t c = at(i + k);
      if ((c >= U'A' && c <= U'Z' ? c + 32 : c) != static_cast<unsigned char>(word[k])) return false;
    }
    return true;
  }
  void take(std::size_t end, std::size_t seen = 0, std::u32string name = {}) {
    seen = std::max(seen, end);
    if (seen > best_.seen) best_ = {seen, end, std::move(name)};
  }

  void find(std::size_t i) {
    find_words(i);
    find_numbers(i);
    find_abbreviations(i);
    find_addresses(i);
    find_symbols(i);
    find_compounds(i);
  }

  // letter (letter | digit)*, and such parts again after . ! ?
  std::size_t word_end(std::size_t i) const {
    if (!is_letter(at(i))) return i;
    const auto inside = [](char32_t c) { return is_letter(c) || is_number(c); };
    i = skip(i, inside);
    while (is_one_of(at(i), U".!?") && is_letter(at(i + 1))) i = skip(i + 1, inside);
    return i;
  }
  // 's 'm 'd 're 've 'll
  std::size_t clitic_end(std::size_t i) const {
    if (!is_apostrophe(at(i))) return i;
    for (const std::string_view two : {"re", "ve", "ll"})
      if (says(i + 1, two)) return i + 3;
    return says(i + 1, "m") || says(i + 1, "s") || says(i + 1, "d") ? i + 2 : i;
  }
  std::size_t negation_end(std::size_t i) const {
    return says(i, "n") && is_quote_like(at(i + 1)) && says(i + 2, "t") ? i + 3 : i;
  }

  // A token with its curly apostrophe made straight.
  std::u32string straight(std::size_t i, std::size_t end) const {
    std::u32string token = text_.substr(i, end - i);
    std::replace_if(token.begin(), token.end(), is_quote_like, U'\'');
    return token;
  }

  void find_words(std::size_t i) {
    if (says(i, "cannot")) take(i + 3, i + 6);
    for (const std::string_view two : {"gonna", "gotta", "lemme", "gimme", "wanna"})
      if (says(i, two)) take(i + 3, i + 5);
    if (is_apostrophe(at(i)) && (says(i + 1, "tis") || says(i + 1, "twas")))
      take(i + 2, says(i + 1, "tis") ? i + 4 : i + 5);
    const std::size_t word = word_end(i);
    if (const std::size_t seen = clitic_end(word); word > i && seen > word) take(word, seen);
    // The part before n't consists of letters and does not end in n.
    const std::size_t letters = skip(i, is_letter);
    if (letters > i + 1 && negation_end(letters - 1) > letters && !says(letters - 2, "n"))
      take(letters - 1, letters + 2);
    if (word > i) take(word);
    find_apostrophe_words(i);
    for (const std::size_t end : {clitic_end(i), negation_end(i)})
      if (end > i && !is_ascii_letter(at(end))) take(end, end + 1, straight(i, end));
  }

  void find_apostrophe_words(std::size_t i) {
    if (is_apostrophe(at(i))) {
      for (const std::string_view rest : {"n", "em", "till", "til", "cause"})
        if (says(i + 1, rest) && !is_letter(at(i + 1 + rest.size()))) take(i + 1 + rest.size());
      if (says(i + 1, "n") && is_apostrophe(at(i + 2))) take(i + 3);
    }
    if (is_quote_like(at(i)) && at(i + 1) >= U'2' && at(i + 1) <= U'9' && says(i + 2, "0s")) take(i + 4);
    for (const std::string_view open : {"l", "d", "j", "dunkin", "somethin", "ol"})
      if (says(i, open) && is_apostrophe(at(i + open.size()))) take(i + open.size() + 1);
    if (says(i, "c'mon")) take(i + 5);
    if (says(i, "y") && is_apostrophe(at(i + 1)) && is_letter(at(i + 2))) take(i + 2, i + 3);
    // Shi'ite, Hawai'i: vowels, or a capital, around the apostrophe.
    const std::size_t letters = skip(i, is_letter);
    const char32_t next = at(letters + 1);
    if (letters > i + 1 && is_one_of(at(letters - 1), U"aeiouyAEIOUY") && is_quote_like(at(letters)) &&
        (is_one_of(next, U"aeiou") || (next >= U'A' && next <= U'Z')))
      take(skip(letters + 1, is_letter));
  }

  // digits, with . : , between them or in front
  std::size_t digits_end(std::size_t i) const {
    std::size_t end = skip(i, is_number);
    while (is_one_of(at(end), U".:,") && is_number(at(end + 1))) end = skip(end + 1, is_number);
    return end;
  }
  // At most `most` digits, at least one.
  std::size_t few_digits(std::size_t i, std::size_t most) const { return std::min(skip(i, is_number), i + most); }

  void find_numbers(std::size_t i) {
    if (const std::size_t end = digits_end(is_one_of(at(i), U"-+") ? i + 1 : i);
        end > i + (is_one_of(at(i), U"-+") ? 1u : 0u))
      take(end);
    const std::size_t day = few_digits(i, 2), month = few_digits(day + 1, 2), year = few_digits(month + 1, 4);
    if (day > i && is_one_of(at(day), U"-/") && month > day + 1 && is_one_of(at(month), U"-/") && year > month + 2)
      take(year);
    const std::size_t above = few_digits(i, 4), below = few_digits(above + 1, 4);
    if (above > i && at(above) == U'/' && below > above + 1) take(below);
    constexpr std::pair<char32_t, std::u32string_view> halves[] = {
        {0xbc, U"1/4"}, {0xbd, U"1/2"}, {0xbe, U"3/4"}, {0x2153, U"1/3"}, {0x2154, U"2/3"}};
    for (const auto& [c, name] : halves)
      if (at(i) == c) take(i + 1, 0, std::u32string(name));
    if (is_apostrophe(at(i)) && is_number(at(i + 1)) && is_number(at(i + 2)) && is_white_space(at(i + 3)))
      take(i + 3, i + 4);
  }

  void find_abbreviations(std::size_t i) {
    if (const std::size_t letters = skip(i, is_ascii_letter); letters > i && at(letters) == U'.') {
      for (const std::string_view a : abbreviations)
        if (says(i, a) && at(i + a.size()) == U'.') take(i + a.size() + 1);
      for (const std::string_view a : number_abbreviations)
        if (says(i, a) && at(i + a.size()) == U'.') {
          const std::size_t end = i + a.size() + 1, number = is_white_space(at(end)) ? end + 1 : end;
          if (is_number(at(number))) take(end, number + 1);
        }
    }
    // Initials and acronyms: A. or U.S.A.
    std::size_t end = i;
    while (is_ascii_letter(at(end)) && at(end + 1) == U'.') end += 2;
    // One letter at the end of the text is no initial: "vitamin c."
    if (end > i + 2 || (end > i && skip(end, is_white_space) < text_.size())) take(end);
    const std::size_t word = word_end(i);
    if (word > i && at(word) == U'.' && is_one_of(at(word + 1), U",;:")) take(word + 1, word + 2);
  }

  void find_addresses(std::size_t i) {
    const auto in_address = [](char32_t c) { return !is_one_of(c, U" \t\n\f\r\"<>|(){}"); };
    const auto cut = [&](std::size_t begin, std::size_t end) {  // what may not end an address
      while (end > begin && is_one_of(text_[end - 1], U".!?,-")) --end;
      return end;
    };
    for (const std::string_view scheme : {"http://", "https://"})
      if (says(i, scheme)) {
        const std::size_t begin = i + scheme.size(), end = cut(begin, skip(begin, in_address));
        if (end > begin + 1) take(end);
      }
    const auto in_host = [](char32_t c) { return is_plain(c) || c == U'_'; };
    if (in_host(at(i))) {
      walk(domains_, i, in_host, [&](std::size_t part, std::size_t end) {
        return end - part == 3 && (says(part, "com") || says(part, "net") || says(part, "org") || says(part, "edu"));
      });
      walk(short_parts_, i, in_host,
           [](std::size_t part, std::size_t end) { return end - part >= 2 && end - part <= 4; });
      std::size_t host = domains_.part > i ? domains_.part_end : i;
      if (says(i, "www.") && short_parts_.part > i + 4) host = std::max(host, short_parts_.part_end);
      if (host > i) {
        take(host);
        const std::size_t path = at(host) == U'/' ? cut(host + 1, skip(host + 1, in_address)) : host;
        if (path > host + 2) take(path);
      }
    }
    if (is_plain(at(i))) {
      if (i >= mailbox_) {
        mailbox_ = skip(i, [](char32_t c) { return is_plain(c) || is_one_of(c, U"._%+-"); });
        const auto in_domain = [](char32_t c) { return is_plain(c) || c == U'.' || c == U'-'; };
        mailbox_host_ = at(mailbox_) == U'@' ? cut(mailbox_ + 1, skip(mailbox_ + 1, in_domain)) : 0;
      }
      if (mailbox_host_ > mailbox_ + 1) take(mailbox_host_);
    }
    if (is_one_of(at(i), U"@#") && (is_ascii_letter(at(i + 1)) || at(i + 1) == U'_'))
      take(skip(i + 1, [](char32_t c) { return is_plain(c) || c == U'_'; }));
    find_file_name(i);
    // Tags of a mark-up language.
    const std::size_t name = i + (at(i + 1) == U'/' ? 2 : 1);
    if (at(i) == U'<' && is_ascii_letter(at(name)))
      if (const std::size_t end = skip(name, [](char32_t c) { return !is_one_of(c, U"<>\n"); }); at(end) == U'>')
        take(end + 1);
  }

  // parts joined by periods, of which the last is a known ending
  void find_file_name(std::size_t i) {
    const auto inside = [](char32_t c) { return is_letter(c) || is_number(c); };
    if (!inside(at(i))) return;
    walk(file_names_, i, inside, [&](std::size_t part, std::size_t end) {
      if (!is_white_space(at(end)) && !is_one_of(at(end), U".?!,")) return false;
      return std::any_of(std::begin(file_endings), std::end(file_endings), [&](std::string_view ending) {
        return end - part == ending.size() && says(part, ending);
      });
    });
    if (file_names_.part > i) take(file_names_.part_end, file_names_.part_end + 1);
  }

  void find_symbols(std::size_t i) {
    constexpr std::pair<char32_t, std::u32string_view> names[] = {
        {U'(', U"-LRB-"}, {U')', U"-RRB-"}, {U'[', U"-LSB-"}, {U']', U"-RSB-"}, {U'{', U"-LCB-"}, {U'}', U"-RCB-"},
        {0x2013, U"--"},  {0x2014, U"--"},  {0x2015, U"--"},  {0xa3, U"#"},     {0x20ac, U"$"},   {0x80, U"$"},
        {0xa2, U"cents"}, {0x2026, U"..."}, {0x85, U"..."},   {0x91, U"`"},     {0x92, U"'"},     {0x93, U"``"},
        {0x94, U"''"},    {0x96, U"--"},    {0x97, U"--"},    {0x2018, U"`"},   {0x2019, U"'"},   {0x201c, U"``"},
        {0x201d, U"''"},  {0xab, U"``"},    {0xbb, U"''"},    {U'"', U"''"}};
    const char32_t c = at(i);
    for (const auto& [symbol, name] : names)
      if (c == symbol) take(i + 1, 0, std::u32string(name));
    const auto run = [&](char32_t of) { return skip(i, [of](char32_t x) { return x == of; }); };
    if (const std::size_t end = run(U'-'); end > i) take(end, 0, end - i >= 2 && end - i <= 4 ? U"--" : U"");
    if (const std::size_t end = run(U'.'); end > i) take(end - i >= 3 ? end : i + 1, 0, end - i >= 3 ? U"..." : U".");
    for (const char32_t repeated : {U'@', U'#', U'_', U'*'})
      if (const std::size_t end = run(repeated); end > i) take(end);
    if (const std::size_t end = skip(i, [](char32_t x) { return x == U'?' || x == U'!'; }); end > i) take(end);
    if (const std::size_t end = skip(i, is_ascii_letter); at(end) == U'$') take(end + 1);
    if (is_quote_like(c) || c == U'`') take(i + (is_quote_like(at(i + 1)) ? 2 : 1), 0, U"'");
    constexpr std::pair<std::string_view, std::u32string_view> entities[] = {
        {"&amp;", U"&"}, {"&lt;", U"<"}, {"&gt;", U">"}, {"&quot;", U"''"}};
    for (const auto& [entity, name] : entities)
      if (says(i, entity)) take(i + entity.size(), 0, std::u32string(name));
    for (const std::string_view bracket : {"-lrb-", "-rrb-", "-lcb-", "-rcb-", "-lsb-", "-rsb-"})
      if (says(i, bracket)) take(i + bracket.size());
    find_smileys(i);
    const auto k = category_of(c);
    const bool printable = k >= UTF8PROC_CATEGORY_NO && k <= UTF8PROC_CATEGORY_SO;
    const bool known = c < 0x80 ? is_one_of(c, U"+%&~^|\\=/<>,;:")
                                : c <= 0xff || ((c >= 0x2010 && c <= 0x2bff) && k != UTF8PROC_CATEGORY_SC) ||
                                      (c >= 0x3001 && c <= 0x303f);
    if (known && printable) take(i + 1);
  }

  // :-) and the like, which a bracket's name is part of.
  void find_smileys(std::size_t i) {
    const std::size_t eyes = is_one_of(at(i), U"<>") ? i + 1 : i;
    if (!is_one_of(at(eyes), U":;=")) return;
    const std::size_t mouth = is_one_of(at(eyes + 1), U"-o*'") ? eyes + 2 : eyes + 1;
    if (!is_one_of(at(mouth), U"()DPdpO\\{@|[]") || is_ascii_letter(at(mouth + 1))) return;
    const char32_t shape = at(mouth);
    take(mouth + 1, mouth + 2,
         text_.substr(i, mouth - i) + (shape == U'('   ? U"-LRB-"
                                       : shape == U')' ? U"-RRB-"
                                                       : std::u32string(1, shape)));
  }

  // d'A..., o'c...: an elided article in front
  std::size_t part_end(std::size_t i) const {
    const std::size_t begin =
        is_one_of(at(i), U"dDoOlL") && is_quote_like(at(i + 1)) && is_alphanumeric(at(i + 2)) ? i + 2 : i;
    const std::size_t end = skip(begin, is_alphanumeric);
    return begin > i && end == begin + 1 ? i + 1 : end;  // one letter after the apostrophe is not enough
  }

  void find_compounds(std::size_t i) {
    const auto hyphened = [&](std::size_t end, auto part) {
      while (end > i && is_one_of(at(end), U"-_")) {
        const std::size_t next = part(end + 1);
        if (next <= end + 1) break;
        end = next;
      }
      return end;
    };
    if (is_alphanumeric(at(i))) {
      const std::size_t first = skip_once(
          listed_, i, [](char32_t c) { return is_alphanumeric(c) || c == U'.' || c == U',' || c == 0xad; });
      const std::size_t end = hyphened(
          first, [&](std::size_t p) { return skip(p, [](char32_t c) { return is_alphanumeric(c) || c == 0xad; }); });
      if (end > first) take(end);
    }
    if (const std::size_t end = hyphened(part_end(i), [&](std::size_t p) { return part_end(p); }); end > i) take(end);
    // AT&T
    const auto is_capital = [](char32_t c) { return c >= U'A' && c <= U'Z'; };
    std::size_t end = skip(i, is_capital);
    while (end > i && is_one_of(at(end), U"+&") && is_capital(at(end + 1))) take(end = skip(end + 1, is_capital));
    // and/or
    std::size_t side = side_end(i);
    for (int sides = 0; sides < 2 && side > i && at(side) == U'/' && is_alphanumeric(at(side + 1)); ++sides)
      take(side = side_end(side + 1));
  }
  std::size_t side_end(std::size_t i) const {
    std::size_t end = skip(i, is_alphanumeric);
    for (int parts = 0; parts < 2 && end > i && at(end) == U'-' && is_ascii_letter(at(end + 1)); ++parts)
      end = skip(end + 1, is_ascii_letter);
    return end;
  }

  std::u32string text_;
  match best_{};
  // What was walked over last.
  chain domains_{}, short_parts_{}, file_names_{};
  std::size_t mailbox_ = 0, mailbox_host_ = 0, listed_ = 0;  // ends
};

}  // namespace detail

}  // namespace blip::inline BLIP_ABI
