// SPDX-License-Identifier: Apache-2.0
#include "evaluate_records.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>

#include "blip/data/captioned_record.hpp"
#include "blip/data/record_set.hpp"
#include "blip/eval/grounding.hpp"
#include "blip/eval/vqa_accuracy.hpp"
#include "blip/train/standard_error.hpp"
#include "json_object.hpp"
#include "own_data.hpp"
#include "recall.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

// The records of a spec, read in batches together with their pictures; broken ones are counted and left out.
template <class Record>
class evaluated_records {
 public:
  // completed: adds to a record what its file does not say; where it throws, the record is a broken one.
  explicit evaluated_records(const records_to_evaluate& o, std::function<void(Record&)> completed = {})
      : o_(o), completed_(std::move(completed)), all_(blip::open_record_set<Record>(blip::parse_data_spec(o.data), decoder_for(0), &skipped_)) {
    if (o.most > 0) all_.size = std::min(all_.size, static_cast<std::uint64_t>(o.most));
  }

  // f(records, pictures), the pictures of one record behind those of the one before.
  template <class F>
  void each(F f) {
    std::vector<Record> some;
    std::vector<blip::image> pictures;
    for (std::uint64_t i = 0; i < all_.size; ++i) {
      try {
        std::vector<blip::image> own;
        Record r = all_.record(i);
        if (completed_) completed_(r);
        for (const std::string& name : pictures_of(r)) own.push_back(all_.picture(name));
        pictures.insert(pictures.end(), own.begin(), own.end());
        some.push_back(std::move(r)), skipped_.use(), ++read_;
      } catch (const blip::error& e) {
        skipped_.skip(e);
      }
      if (static_cast<int>(some.size()) == o_.batch || (i + 1 == all_.size && !some.empty())) {
        f(some, pictures);
        some.clear(), pictures.clear();
      }
    }
    if (read_ == 0) throw blip::format_error({o_.data, "a record with its pictures", "none", {}});
  }

  std::string result(double percent) const {
    return json_object()
        .text("task", o_.task)
        .integer("records", static_cast<std::int64_t>(read_))
        .integer("skipped", static_cast<std::int64_t>(skipped_.skipped()))
        .number("accuracy", percent)
        .str();
  }

 private:
  const records_to_evaluate& o_;
  std::function<void(Record&)> completed_;
  blip::skipped_samples skipped_;
  blip::record_set<Record> all_;
  std::size_t read_ = 0;
};

// The share, in percent, of records whose likeliest class is their label.
template <class Record>
std::string classes(evaluated_records<Record>& all, classify_task& model) {
  double right = 0, count = 0;
  all.each([&](const std::vector<Record>& some, const std::vector<blip::image>& pictures) {
    std::vector<std::string> texts;
    for (const Record& r : some) texts.push_back(r.sentence);
    const std::vector<std::vector<double>> p = model.probabilities(pictures, texts, {});
    for (std::size_t i = 0; i < some.size(); ++i, ++count)
      right += std::max_element(p[i].begin(), p[i].end()) - p[i].begin() == static_cast<int>(some[i].label);
  });
  return all.result(100 * right / count);
}

}  // namespace

std::string evaluate_entailment(const records_to_evaluate& o, const compute& on) {
  evaluated_records<blip::entailment_record> all(o);
  const opened_model model = open_model(o.model, model_task::entail);
  const auto classifier = open_entailer(model, classifier_options_for(model), on);
  return classes(all, *classifier);
}

// The box with most of the map of the whole expression in it is the one that was found, as published.
std::string evaluate_grounding(const records_to_evaluate& o, const compute& on) {
  const bool generated = blip::parse_data_spec(o.data).kind == blip::data_kind::scenes;
  if (o.boxes.empty() != generated)
    throw blip::config_error({"--boxes of evaluate --task grounding", generated ? "none: the world knows its boxes" : "a file",
                              generated ? o.boxes : "none",
                              generated ? "" : "the boxes of a detector: {\"PICTURE\": [{\"box\": [x, y, w, h]}, ...], ...}"});
  using boxes_by_picture = std::map<std::string, std::vector<blip::detection_box>>;
  const boxes_by_picture detected = generated ? boxes_by_picture() : blip::read_detections(o.boxes);
  const auto complete = [&](blip::referring_record& r) {
    const std::string where = "expression \"" + r.text.substr(0, 64) + "\" of " + r.image;
    if (!r.meant)
      throw blip::format_error({where, "\"box\": [x, y, w, h], what is meant", "none", "COCO's annotations have it"});
    if (generated) return;
    // A picture has its number in COCO, or else its file's name without folder and ending.
    const auto number = blip::coco_image_number(r.image);
    const auto found = detected.find(number ? std::to_string(*number) : std::filesystem::path(r.image).stem().string());
    if (found == detected.end() || found->second.empty())
      throw blip::format_error({where, "boxes of a detector", "none", "they are looked up in " + o.boxes});
    r.proposed = found->second;
  };
  evaluated_records<blip::referring_record> all(o, complete);
  const opened_model model = open_model(o.model, model_task::match);
  const auto grounder = open_grounder(model, grounder_options_for(model), on);
  double right = 0, count = 0;
  all.each([&](const std::vector<blip::referring_record>& some, const std::vector<blip::image>& pictures) {
    for (std::size_t i = 0; i < some.size(); ++i, ++count) {
      const int height = pictures[i].height, width = pictures[i].width;
      const blip::grounding g = grounder->ground(pictures[i], cleaned_for(model, some[i].text));
      const std::vector<float> map =
          blip::enlarged_map(std::span<const float>(g.sentence), g.rows, g.columns, height, width);
      const blip::grounding_case<float> one{map, height, width, some[i].proposed, *some[i].meant};
      right += blip::grounding_accuracy(std::span(&one, 1));
    }
  });
  return all.result(100 * right / count);
}

std::string evaluate_nlvr(const records_to_evaluate& o, const compute& on) {
  evaluated_records<blip::nlvr2_record> all(o);
  const opened_model model = open_model(o.model, model_task::reason);
  const auto classifier = open_pair_reasoner(model, classifier_options_for(model), on);
  return classes(all, *classifier);
}

std::string evaluate_vqa(const records_to_evaluate& o, const compute& on) {
  evaluated_records<blip::vqa_record> all(o);
  const opened_model model = open_model(o.model, model_task::answer);
  blip::answerer_options how = answerer_options_for(model);
  o.sampling.fill(how, model, 9, 1);
  how.ranking->shortlist = o.shortlist;
  const std::vector<std::string> answers =
      o.answers.empty() ? std::vector<std::string>() : blip::read_answer_list(o.answers);
  const auto answerer = open_answerer(model, how, on);
  blip::accuracy_table table;
  all.each([&](const std::vector<blip::vqa_record>& some, const std::vector<blip::image>& pictures) {
    std::vector<std::string> questions;
    for (const blip::vqa_record& r : some) questions.push_back(r.question);
    const auto found = answerer->answer(pictures, questions, answers, {});
    for (std::size_t i = 0; i < some.size(); ++i)
      table.add(blip::vqa_accuracy(found[i].at(0).text, some[i].answers));
  });
  return all.result(table.overall());
}

}  // namespace tool
