// SPDX-License-Identifier: Apache-2.0
#include "blip/data/captioned_record.hpp"
#include "blip/data/data_spec.hpp"
#include "blip/data/entailment_record.hpp"
#include "blip/data/filtered_pairs.hpp"
#include "blip/data/nlvr2_record.hpp"
#include "blip/data/referring_record.hpp"
#include "blip/data/shard_names.hpp"
#include "blip/data/tsv_pairs.hpp"
#include "blip/data/vqa_record.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/target.hpp"

namespace blip_test {
namespace {

using namespace blip;

picture_root anywhere() {
  return picture_root("", [](byte_span, const std::string&) { return image(1, 1); });
}

// Every record of a file as a record of every kind.
void use_records(const record_file& file) {
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(file.size(), 64); ++i) {
    const auto as = [&](auto read, auto use) {
      unless_refused([&] { use(read(json_record(file.text(i), file.where(i), file.bounds()))); });
    };
    as(read_captioned, [](const captioned_record& r) {
      look_at(r.image), look_at(r.id);
      for (const std::string& c : r.captions) look_at(c);
      look_at(std::vector<std::int64_t>{coco_image_number(r.image).value_or(-1)});
    });
    as(read_vqa, [](const vqa_record& r) {
      look_at(r.question);
      for (const auto& a : weigh_answers(r, 0.5)) look_at(a.text);
    });
    as(read_aokvqa, [](const aokvqa_record& r) { look_at(r.question); });
    as(read_nlvr2, [](const nlvr2_record& r) {
      for (const auto what : {swapping::words, swapping::substrings}) look_at(swapped(r, what).sentence);
    });
    as(read_entailment, [](const entailment_record& r) { look_at(r.sentence); });
    as(read_referring, [](const referring_record& r) { look_at(r.text); });
    unless_refused([&] { look_at(read_filtered(file.text(i), file.where(i)).caption); });
  }
}

void run_annotations(byte_span input) {
  static memory_file file;
  use_records(record_file::open(file.fill(input)));
}

void run_jsonl(byte_span input) {
  static memory_file file;
  const std::string& path = file.fill(input);
  use_records(record_file::lines(path));
  const record_pairs pairs(record_file::lines(path), anywhere());
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(pairs.size(), 64); ++i)
    unless_refused([&] { look_at(pairs.record(i).id); });
}

void run_tsv(byte_span input) {
  static memory_file file;
  const std::string& path = file.fill(input);
  for (const tsv_columns columns : {tsv_columns{}, tsv_columns{1, 0}, tsv_columns{3, 1}}) {
    const tsv_pairs pairs(record_file::lines(path), anywhere(), columns);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(pairs.size(), 64); ++i)
      unless_refused([&] { look_at(pairs.record(i).captions.at(0)); });
  }
}

void run_detections(byte_span input) {
  static memory_file file;
  for (const auto& [id, boxes] : read_detections(file.fill(input))) look_at(id), look_at(boxes);
}

void run_answer_list(byte_span input) {
  static memory_file file;
  for (const std::string& answer : read_answer_list(file.fill(input))) look_at(answer);
}

// What one writes on a command line.
void run_data_spec(byte_span input) {
  limits few;
  few.tensors = 1'000;
  unless_refused([&] {
    for (const std::string& name : shard_names(as_text(input), few)) look_at(name);
  });
  look_at(parse_data_spec(as_text(input)).target);
}

const fuzz_registration annotations({"annotations", run_annotations, 64, 1u << 20});
const fuzz_registration jsonl({"jsonl", run_jsonl, 64, 1u << 20});
const fuzz_registration tsv({"tsv", run_tsv, 64, 1u << 20});
const fuzz_registration detections({"detections", run_detections, 64, 1u << 20});
const fuzz_registration answer_list({"answer_list", run_answer_list, 64, 1u << 20});
const fuzz_registration data_spec({"data_spec", run_data_spec, 2'000, 1u << 20});

}  // namespace
}  // namespace blip_test
