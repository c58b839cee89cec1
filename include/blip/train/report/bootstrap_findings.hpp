// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "blip/image/image.hpp"

namespace blip::inline BLIP_ABI {

namespace report {

// Whether a caption is true of its picture. vague: true, and says nothing; unknown: nobody checked.
enum class truth : std::uint8_t { unknown, right, vague, wrong };

// What somebody said of a picture, and what the filter made of it.
struct judged_caption {
  std::string text;
  truth is = truth::unknown;
  std::optional<double> probability{};  // of the matching head, that text and picture belong together
  std::optional<bool> kept{};
  std::string kind{};  // what is wrong or odd about it: "colour", "boilerplate"
};

struct sample {
  image picture{};
  std::optional<judged_caption> human{}, web{}, synthetic{};
};

// How many of the web's captions of one kind the filter kept.
struct noise_row {
  std::string kind;
  std::string meaning{};
  truth is = truth::unknown;
  std::int64_t captions = 0, kept = 0;
};

struct tally {
  std::int64_t captions = 0;
  std::optional<std::int64_t> wrong{};  // how many of them are false, where that is known
};
struct cleaning {
  std::optional<tally> web{}, kept_web{}, synthetic{}, kept_synthetic{}, whole_before{}, whole_after{};
};

struct point {
  double x = 0, y = 0;
};

// Thresholds from high to low: x the share of false captions kept, y that of true ones.
struct roc_curve {
  std::string name;
  std::vector<point> points;
  std::optional<double> area{}, average_precision{};
  std::optional<point> used{};  // where the threshold of the run lies
};

// Counts of captions by probability, in equal bins from 0 to 1.
struct probability_counts {
  std::vector<std::int64_t> right, wrong;
};

// A loss, or any number, over steps. A value that is not finite leaves a gap.
struct series {
  std::string name;
  std::vector<point> points;
};
struct reference_value {  // what a curve is to be compared with: guessing by the prior
  std::string name;
  double value = 0;
};
struct training_stage {
  std::string name;
  std::vector<series> losses{};
  std::vector<reference_value> references{};
  bool logarithmic = false;
};

// Shares of queries whose answer is among the first 1, 5, 10.
struct recalls {
  std::array<double, 3> text_to_image{}, image_to_text{};
};
struct retrieval_row {
  std::string name;  // "by contrast alone", "matching head on the first 32"
  recalls before, after;
  std::int64_t pictures = 0, texts = 0;
};

// Share of true captions that a captioner writes, before and after.
struct caption_truth {
  std::string name;  // "all pictures", "pictures of two things"
  double before = 0, after = 0;
  std::int64_t pictures = 0;
};

struct decoding_numbers {
  std::optional<double> truth{}, distinct2{}, words{};  // share of true captions, distinct-2, words per caption
};
struct decoding_example {
  image picture{};
  std::vector<judged_caption> nucleus{}, beam{};
};
struct decodings {
  std::optional<decoding_numbers> nucleus{}, beam{};
  std::vector<decoding_example> examples{};
};

struct word_map {
  std::string word;
  image overlay{};
};
struct word_maps {
  image picture{};
  std::string caption;
  std::vector<word_map> words{};
};

struct fact {
  std::string name, value;
};

}  // namespace report

// What a bootstrap run (train on web captions, filter and rewrite them, train again) found out. Every part may be
// absent; the report then leaves its section out. Shares are from 0 to 1.
struct bootstrap_findings {
  std::string title = "blip bootstrap";
  std::vector<report::sample> samples{};
  report::cleaning counts{};
  std::vector<report::noise_row> noise{};
  std::optional<double> threshold{};  // kept if the probability is above
  std::vector<report::roc_curve> roc{};
  std::optional<report::probability_counts> probabilities{};
  std::vector<report::training_stage> stages{};
  std::vector<report::retrieval_row> retrieval{};
  std::vector<report::caption_truth> captions{};
  report::decodings decoding{};
  std::vector<report::word_maps> words{};
  std::vector<report::fact> facts{};
  std::vector<std::string> notes{};
};

}  // namespace blip::inline BLIP_ABI
