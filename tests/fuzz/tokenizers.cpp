// SPDX-License-Identifier: Apache-2.0
#include "blip/text/cleaning.hpp"
#include "blip/text/tokenizer_json.hpp"
#include "blip/text/wordpiece.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/target.hpp"

namespace blip_test {
namespace {

void use_tokens(const blip::vocabulary& v) {
  for (int id = 0; id < v.size(); ++id)
    if (v.find(v.token(id)) != id) throw std::logic_error("a token that is not found");
  const blip::wordpiece tokenizer = blip::blip_tokenizer(v);
  look_at(tokenizer.decode(tokenizer.encode("a photo of unaffable caf\u00e9s, it's 2 \u5b57")));
}

void run_vocabulary(byte_span input) {
  static memory_file file;
  use_tokens(blip::load_vocabulary(file.fill(input)));
}

void run_tokenizer_json(byte_span input) {
  static memory_file file;
  use_tokens(blip::load_tokenizer_json(file.fill(input)));
}

// Any bytes as a caption.
void run_wordpiece(byte_span input) {
  static const blip::wordpiece tokenizer = blip::blip_tokenizer(blip::vocabulary(
      {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "##b", "b", "ab", "##ing", "the", "1", "##1", ".", ",",
       "!", "'", "s", "\u03c3", "##\u03c3", "\u5b57", "e", "##e", "##\u0301", "yes", "unaff", "##able", "i", "##i"}));
  const std::string_view text = as_text(input);
  for (const int longest : {0, 2, 7}) {
    const auto ids = tokenizer.encode(text, longest);
    if (longest > 0 && ids.size() > static_cast<std::size_t>(longest)) throw std::logic_error("more tokens than asked for");
    for (const auto& options : {blip::spelling_options{}, blip::spelling_options{false, false}})
      blip::to_code_points(tokenizer.decode(ids, options), "what was decoded");
  }
  look_at(tokenizer.open(text));
}

// Any bytes as a caption and as a question; what comes out is UTF-8 of so many words.
void run_cleaning(byte_span input) {
  const std::string_view text = as_text(input);
  for (const auto rules : {blip::cleaning::albef, blip::cleaning::blip})
    for (const int words : {1, 30}) {
      for (const std::string& clean :
           {blip::clean_caption(rules, text, words), blip::clean_question(rules, text, words)}) {
        blip::to_code_points(clean, "what was cleaned");
        if (std::count(clean.begin(), clean.end(), ' ') >= words) throw std::logic_error("more words than asked for");
      }
    }
}

const fuzz_registration vocabulary({"vocabulary", run_vocabulary, 256, 1u << 20});
const fuzz_registration tokenizer_json({"tokenizer_json", run_tokenizer_json, 256, 1u << 20});
const fuzz_registration wordpiece({"wordpiece", run_wordpiece, 128, 1u << 20});
const fuzz_registration cleaning({"cleaning", run_cleaning, 64, 1u << 20});

}  // namespace
}  // namespace blip_test
