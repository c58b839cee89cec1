// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "blip/data/data_spec.hpp"
#include "blip/data/pair_set.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/text/wordpiece.hpp"

namespace tool {

// What --data understands, for the pages of help.
inline constexpr const char* data_help =
    "jsonl:FILE,root=DIR | coco:FILE,root=DIR | tsv:FILE,root=DIR | folder:DIR | webdataset:SHARDS | "
    "scenes:SIZE,split=S";

// Pictures of side x side pixels, resized as models look at them, as soon as they are decoded: a set of photographs
// would not fit into memory otherwise. 0: as they are.
blip::picture_decoder decoder_for(int side);

// The pairs of what one --data, --human or --web names; several are joined. Throws config_error, and what readers
// throw.
blip::pair_set open_data(const std::vector<std::string>& specs, int side);
// The same as sets with their weights among each other, 1 where nothing is said.
struct weighted_set {
  blip::pair_set pairs;
  double weight = 1;
};
std::vector<weighted_set> open_weighted(const std::vector<std::string>& specs, int side);
// Pairs of tar shards. Throws config_error where the program was built without libarchive.
blip::pair_set open_shards(const blip::data_spec& spec, const blip::picture_decoder& decode);

// The words of a file, vocab.txt or tokenizer.json; without one those that the captions use.
blip::vocabulary words_for(const std::string& file, const std::vector<blip::pair_set>& sets);
inline constexpr const char* vocabulary_help =
    "vocab.txt or tokenizer.json. Without it: the words that come up twice in the captions, whole ones, at most 8000; "
    "any other word is unknown";
// A number that tells vocabularies apart.
std::string mark_of(const blip::wordpiece& tokens);

std::string quoted(const std::string& word);  // for a shell

}  // namespace tool
