// SPDX-License-Identifier: Apache-2.0
#include "evaluate_records.hpp"

#include <algorithm>

#include "blip/data/record_set.hpp"
#include "blip/eval/vqa_accuracy.hpp"
#include "blip/train/standard_error.hpp"
#include "json_object.hpp"
#include "own_data.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

// The records of a spec, read in batches together with their pictures; broken ones are counted and left out.
template <class Record>
class evaluated_records {
 public:
  explicit evaluated_records(const records_to_evaluate& o)
      : o_(o), all_(blip::open_record_set<Record>(blip::parse_data_spec(o.data), decoder_for(0), &skipped_)) {
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
