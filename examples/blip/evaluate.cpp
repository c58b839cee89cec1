// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "blip/data/retrieval_set_of.hpp"
#include "blip/data/scenes/judge_caption.hpp"
#include "blip/data/scenes/named_picture.hpp"
#include "blip/data/scenes/web_caption.hpp"
#include "blip/eval/average_precision.hpp"
#include "blip/eval/caption_metrics.hpp"
#include "blip/eval/caption_words.hpp"
#include "blip/eval/roc_auc.hpp"
#include "blip/train/standard_error.hpp"
#include "evaluate_records.hpp"
#include "json_object.hpp"
#include "own_data.hpp"
#include "pictures.hpp"
#include "recall.hpp"
#include "sampling.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct evaluate_options {
  std::string task;
  model_options model;
  std::vector<std::string> data;
  std::string answers, boxes;
  sampling_options sampling;
  int batch = 32, rerank = -1;  // -1: see shortlist_for
  double memory = 4;            // GB
  std::int64_t most = 0;        // pictures; 0: all
  common_options common;
};

// The pictures of a set in batches, each once; those that cannot be read are counted and left out.
class evaluated {
 public:
  evaluated(const evaluate_options& o, const blip::pair_set& pairs)
      : o_(o), pairs_(pairs), set_(blip::retrieval_set_of(pairs, skipped_)) {
    const auto most = static_cast<std::size_t>(o.most);
    if (most == 0 || most >= set_.images.size()) return;
    std::vector<bool> first(set_.images.size());
    std::fill_n(first.begin(), most, true);
    set_ = only_pictures(set_, first);
  }

  // f(pictures, numbers): the next ones, in order, and which of the set they are. Afterwards set() holds those that
  // were read.
  template <class F>
  void each(F f) {
    std::optional<blip::progress> shown;
    blip::progress_options as = blip::standard_error_options();
    as.unit = "pictures";
    if (!o_.common.quiet) shown.emplace(static_cast<std::int64_t>(set_.images.size()), blip::to_standard_error, as);
    std::vector<bool> read(set_.images.size());
    std::vector<blip::image> some;
    std::vector<std::size_t> numbers;
    for (std::size_t p = 0; p < set_.images.size(); ++p) {
      try {
        some.push_back(pairs_.picture(set_.images[p]));
        numbers.push_back(p), read[p] = true, skipped_.use();
      } catch (const blip::error& e) {
        skipped_.skip(e);
      }
      if (some.size() == static_cast<std::size_t>(o_.batch) || p + 1 == set_.images.size()) {
        if (!some.empty()) f(std::span<const blip::image>(some), std::span<const std::size_t>(numbers));
        some.clear(), numbers.clear();
        if (shown) shown->update(static_cast<std::int64_t>(p + 1));
      }
    }
    if (shown) shown->finish();
    set_ = only_pictures(set_, read);
    if (set_.images.empty() || set_.texts.empty())
      throw blip::format_error({"evaluate: the data", "a picture with a caption", "none", {}});
  }

  const blip::retrieval_set& set() const { return set_; }
  json_object result() const {
    json_object out;
    out.text("task", o_.task).integer("images", static_cast<std::int64_t>(set_.images.size()));
    out.integer("texts", static_cast<std::int64_t>(set_.texts.size()));
    return out.integer("skipped", static_cast<std::int64_t>(skipped_.skipped())), out;
  }

 private:
  const evaluate_options& o_;
  const blip::pair_set& pairs_;
  blip::skipped_samples skipped_;
  blip::retrieval_set set_;
};

// Recall in percent, as published: each query's shortlist by the contrast is read by the model and ranked anew.
// Source: ALBEF and BLIP, evaluation and itm_eval.
std::string retrieval(const evaluate_options& o, const compute& on) {
  const opened_model model = open_model(o.model, model_task::match);
  const auto retriever = open_retriever_for(model, shortlist_for(o.model.path, o.rerank), o.memory, on);
  const blip::pair_set pairs = open_data(o.data, 0);
  evaluated all(o, pairs);
  all.each([](auto, auto) {});  // leaves out what cannot be read
  const blip::retrieval_set& set = all.set();
  std::vector<std::string> texts;
  for (const std::string& t : set.texts) texts.push_back(cleaned_for(model, t));
  const auto read = [&](int i) { return pairs.picture(set.images[static_cast<std::size_t>(i)]); };
  const blip::retrieval_matrices m = retriever->scores(static_cast<int>(set.images.size()), read, texts);
  const blip::retrieval_scores r = blip::retrieval_recall(m.image_rows(), m.text_rows(), set.image_of_text);
  json_object out = all.result();
  return add_recall(out, r)
      .number("r_mean", r.mean())
      .integer("pairs_read", static_cast<std::int64_t>(m.pairs_read))
      .str();
}

// Shares of captions that are true and name everything: of all pictures, and of those that show more than one thing.
// Only a generated world knows; of other data nothing is said.
void add_truth(json_object& to, const std::vector<std::string>& pictures, const std::vector<std::string>& made) {
  std::array<std::int64_t, 2> shown{}, complete{};  // of one thing, of more
  for (std::size_t p = 0; p < made.size(); ++p) {
    try {
      const blip::scenes::scene s = blip::scenes::named_picture(pictures[p]).shown();
      const std::size_t more = s.objects.size() > 1;
      ++shown[more], complete[more] += blip::scenes::judge_caption(made[p], s).names_every_object;
    } catch (const blip::format_error&) {  // a file
      return;
    }
  }
  const auto share = [&](const char* name, std::int64_t right, std::int64_t of) {
    if (of > 0) to.number(name, static_cast<double>(right) / static_cast<double>(of));
  };
  share("true_captions", complete[0] + complete[1], shown[0] + shown[1]);
  share("true_captions_of_two", complete[1], shown[1]);
}

// Captions against all that people wrote of the picture, by pycocoevalcap's metrics, and against what is shown.
std::string captions(const evaluate_options& o, const compute& on) {
  const opened_model model = open_model(o.model, model_task::caption);
  blip::captioner_options c{.view = model.view, .batch = o.batch};
  c.follow(model.rules);
  const bool small = model.sizes.options.decoder.embedding.positions <= 32;
  o.sampling.fill(c, model, small ? 32 : 20, static_cast<int>(model.tokens.open(c.prompt).size()));
  c.seed = o.common.seed;
  const std::unique_ptr<caption_task> captioner = open_captioner(model, c, on);
  const blip::pair_set pairs = open_data(o.data, 0);
  evaluated all(o, pairs);
  std::vector<std::string> made;
  all.each([&](std::span<const blip::image> some, auto) {
    std::vector<std::uint64_t> streams;
    for (std::size_t i = 0; i < some.size(); ++i) streams.push_back(made.size() + i);
    for (const auto& best : captioner->caption(some, streams)) {
      std::string text = best.at(0).text;
      if (!c.prompt.empty() && text.starts_with(c.prompt)) text.erase(0, c.prompt.size());  // as the published code
      made.push_back(std::move(text));
    }
  });
  std::vector<blip::caption_case> cases;
  for (std::size_t p = 0; p < made.size(); ++p) {
    std::vector<std::string> said;
    for (const int t : all.set().texts_of_image[p]) said.push_back(all.set().texts[static_cast<std::size_t>(t)]);
    cases.push_back(blip::split_case(made[p], said));
  }
  const blip::caption_scores s = blip::score_captions(cases);
  json_object out = all.result();
  for (std::size_t n = 0; n < s.bleu.size(); ++n) out.number("bleu" + std::to_string(n + 1), s.bleu[n]);
  out.number("rouge_l", s.rouge_l).number("cider", s.cider_d);
  add_truth(out, all.set().images, made);
  return out.str();
}

// Whether a caption is true of its picture: what a generated world says of its web's captions. Vague ones say nothing
// about a filter. Empty for other data.
std::optional<blip::scenes::labelled_caption> label_of(const std::string& picture) {
  try {
    const blip::scenes::named_picture p(picture);
    if (p.part() != blip::scenes::split::web && p.part() != blip::scenes::split::web_test) return {};
    return blip::scenes::web_caption(p.of(), p.part(), p.number());
  } catch (const blip::error&) {  // a file
    return {};
  }
}

// How well the matching head tells captions that are true from others. Where nobody knows the truth, each picture's own
// first caption is to be told from that of the next picture.
std::string filter(const evaluate_options& o, const compute& on) {
  const opened_model model = open_model(o.model, model_task::match);
  const std::unique_ptr<match_task> matcher = open_matcher(model, matcher_options_for(model, o.batch), on);
  const blip::pair_set pairs = open_data(o.data, 0);
  evaluated all(o, pairs);
  const blip::retrieval_set whole = all.set();  // with those that cannot be read
  const std::size_t count = whole.images.size();
  const bool known = count > 0 && label_of(whole.images[0]).has_value();
  std::vector<int> labels;
  std::vector<double> scores;
  all.each([&](std::span<const blip::image> some, std::span<const std::size_t> numbers) {
    std::vector<std::string> texts;
    std::vector<blip::pair_of> which;
    const auto add = [&](std::size_t picture, std::size_t caption_of, bool is) {
      const std::vector<int>& said = whole.texts_of_image[caption_of];
      if (said.empty()) return;
      which.push_back({static_cast<int>(picture), static_cast<int>(texts.size())});
      texts.push_back(cleaned_for(model, whole.texts[static_cast<std::size_t>(said[0])]));
      labels.push_back(is);
    };
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (!known) {
        add(i, numbers[i], true), add(i, (numbers[i] + 1) % count, false);
      } else if (const auto c = label_of(whole.images[numbers[i]]); c && c->kind != blip::scenes::noise::vague) {
        add(i, numbers[i], c->is_true);
      }
    }
    const std::vector<double> p = matcher->probabilities(some, texts, which);
    scores.insert(scores.end(), p.begin(), p.end());
  });
  return all.result()
      .text("truth", known ? "of the generated world" : "own caption against that of the next picture")
      .integer("pairs", static_cast<std::int64_t>(labels.size()))
      .number("auc", blip::roc_auc(labels, scores))
      .number("average_precision", blip::average_precision(labels, scores))
      .str();
}

int evaluate(const evaluate_options& o) {
  const compute on = o.common.on();
  if (o.task == "retrieval") return print_line(retrieval(o, on)), done;
  if (o.task == "caption") return print_line(captions(o, on)), done;
  if (o.task == "filter") return print_line(filter(o, on)), done;
  if (o.data.size() != 1)
    throw blip::config_error({"--data of evaluate --task " + o.task, "one", std::to_string(o.data.size()), {}});
  const records_to_evaluate records{o.task,     o.model, o.data[0], o.answers, o.boxes,
                                    o.sampling, o.batch, o.most,    shortlist_for(o.model.path, o.rerank)};
  print_line(o.task == "vqa"         ? evaluate_vqa(records, on)
             : o.task == "nlvr"      ? evaluate_nlvr(records, on)
             : o.task == "grounding" ? evaluate_grounding(records, on)
                                     : evaluate_entailment(records, on));
  return done;
}

}  // namespace

void add_evaluate(CLI::App& app, job& chosen) {
  add_command<evaluate_options>(
      app, chosen, "evaluate", "Measures a model on data: one JSON object",
      "blip evaluate --task retrieval --model run/filter/model --data coco:coco_karpathy_test.json,root=coco",
      [](CLI::App& c, evaluate_options& o) {
        c.add_option(
             "--task", o.task,
             "retrieval: recall in percent; caption: BLEU, ROUGE-L, CIDEr-D; filter: ROC "
             "area and average precision of the matching head; vqa, nlvr, entailment: accuracy in percent; grounding: "
             "expressions whose box is found by where the matching head looks, in percent")
            ->required()
            ->check(CLI::IsMember({"retrieval", "caption", "filter", "vqa", "nlvr", "entailment", "grounding"}));
        add_model(c, o.model);
        c.add_option("--data", o.data,
                     std::string(data_help) +
                         " | vqa:FILE,root=DIR | nlvr:FILE,root=DIR | "
                         "snli-ve:FILE,root=DIR | refcoco:FILE,root=DIR")
            ->required();
        c.add_option("--answers", o.answers, "Of --task vqa: choose from these, a JSON list; else answers are made");
        c.add_option("--boxes", o.boxes,
                     "Of --task grounding: the boxes of a detector by picture, as ALBEF's dets.json; each record of refcoco: "
                     "says what is meant, \"box\": [x, y, w, h]")
            ->check(CLI::ExistingFile);
        c.add_option("--rerank", o.rerank,
                     "Candidates of a query, or answers of --answers, that the model reads; 0: a query's features are only "
                     "compared. Default: the shortlist of the recipe, where --model is a run's; else 128")
            ->check(CLI::Range(0, 1000000));
        c.add_option("--memory", o.memory, "Gigabytes for states of pictures; those beyond are seen twice")
            ->check(CLI::Range(0.0, 1e6))
            ->capture_default_str();
        c.add_option("--images", o.most, "The first so many pictures or records; 0: all")
            ->check(CLI::Range(0, 1'000'000'000))
            ->capture_default_str();
        c.add_option("--batch", o.batch, "Pictures in a pass")->check(CLI::Range(1, 1 << 16))->capture_default_str();
        add_sampling(c, o.sampling, "20");
      },
      evaluate);
}

}  // namespace tool
