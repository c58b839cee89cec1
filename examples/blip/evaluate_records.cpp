// SPDX-License-Identifier: Apache-2.0
#include "evaluate_records.hpp"

#include <algorithm>
#include <array>

#include "blip/data/entailment_record.hpp"
#include "blip/data/nlvr2_record.hpp"
#include "blip/data/picture_root.hpp"
#include "blip/data/read_records.hpp"
#include "blip/data/vqa_record.hpp"
#include "blip/eval/vqa_accuracy.hpp"
#include "blip/train/standard_error.hpp"
#include "json_object.hpp"
#include "own_data.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

// The records of a file, read in batches together with their pictures; broken ones are counted and left out.
template <class Record>
class record_batches {
 public:
  template <class Read>
  record_batches(const records_to_evaluate& o, blip::data_kind kind, Read read)
      : o_(o), spec_(blip::parse_data_spec(o.data)), root_(spec_.root, decoder_for(0)) {
    if (spec_.kind != kind)
      throw blip::config_error({"--data of evaluate --task " + o.task,
                                std::string(blip::data_kind_names[static_cast<std::size_t>(kind)]) + ":FILE,root=DIR",
                                o.data,
                                {}});
    records_ = blip::read_records(spec_.target, read, &skipped_);
    if (o.most > 0 && static_cast<std::size_t>(o.most) < records_.size())
      records_.resize(static_cast<std::size_t>(o.most));
  }

  // f(records, pictures), the pictures of one record behind those of the one before; names(record) are theirs.
  template <class Names, class F>
  void each(Names names, F f) {
    std::vector<const Record*> some;
    std::vector<blip::image> pictures;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      try {
        std::vector<blip::image> own;
        for (const std::string& name : names(records_[i])) own.push_back(root_.read(name));
        pictures.insert(pictures.end(), own.begin(), own.end());
        some.push_back(&records_[i]), skipped_.use(), ++read_;
      } catch (const blip::error& e) {
        skipped_.skip(e);
      }
      if (static_cast<int>(some.size()) == o_.batch || (i + 1 == records_.size() && !some.empty())) {
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
  blip::data_spec spec_;
  blip::picture_root root_;
  blip::skipped_samples skipped_;
  std::vector<Record> records_;
  std::size_t read_ = 0;
};

// The share, in percent, of records whose likeliest class is their label.
template <class Record, class Names, class Text, class Label>
std::string classes(record_batches<Record>& all, classify_task& model, Names names, Text text, Label label) {
  double right = 0, count = 0;
  all.each(names, [&](const std::vector<const Record*>& some, const std::vector<blip::image>& pictures) {
    std::vector<std::string> texts;
    for (const Record* r : some) texts.push_back(text(*r));
    const std::vector<std::vector<double>> p = model.probabilities(pictures, texts, {});
    for (std::size_t i = 0; i < some.size(); ++i, ++count)
      right += std::max_element(p[i].begin(), p[i].end()) - p[i].begin() == label(*some[i]);
  });
  return all.result(100 * right / count);
}

}  // namespace

std::string evaluate_entailment(const records_to_evaluate& o, const compute& on) {
  record_batches<blip::entailment_record> all(o, blip::data_kind::snli_ve, blip::read_entailment);
  const opened_model model = open_model(o.model, model_task::entail);
  const auto classifier = open_entailer(model, classifier_options_for(model), on);
  return classes(
      all, *classifier, [](const auto& r) { return std::array{r.image}; }, [](const auto& r) { return r.sentence; },
      [](const auto& r) { return r.label; });
}

std::string evaluate_nlvr(const records_to_evaluate& o, const compute& on) {
  record_batches<blip::nlvr2_record> all(o, blip::data_kind::nlvr, blip::read_nlvr2);
  const opened_model model = open_model(o.model, model_task::reason);
  const auto classifier = open_pair_reasoner(model, classifier_options_for(model), on);
  return classes(
      all, *classifier, [](const auto& r) { return r.images; }, [](const auto& r) { return r.sentence; },
      [](const auto& r) { return static_cast<int>(r.label); });
}

std::string evaluate_vqa(const records_to_evaluate& o, const compute& on) {
  record_batches<blip::vqa_record> all(o, blip::data_kind::vqa, blip::read_vqa);
  const opened_model model = open_model(o.model, model_task::answer);
  blip::answerer_options how = answerer_options_for(model);
  o.sampling.fill(how, model, 9, 1);
  how.ranking->shortlist = o.shortlist;
  const std::vector<std::string> answers =
      o.answers.empty() ? std::vector<std::string>() : blip::read_answer_list(o.answers);
  const auto answerer = open_answerer(model, how, on);
  blip::accuracy_table table;
  all.each([](const auto& r) { return std::array{r.image}; },
           [&](const std::vector<const blip::vqa_record*>& some, const std::vector<blip::image>& pictures) {
             std::vector<std::string> questions;
             for (const blip::vqa_record* r : some) questions.push_back(r->question);
             const auto found = answerer->answer(pictures, questions, answers, {});
             for (std::size_t i = 0; i < some.size(); ++i)
               table.add(blip::vqa_accuracy(found[i].at(0).text, some[i]->answers));
           });
  return all.result(table.overall());
}

}  // namespace tool
