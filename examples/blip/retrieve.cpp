// SPDX-License-Identifier: Apache-2.0
#include "blip/data/read_records.hpp"
#include "blip/data/retrieval_set.hpp"
#include "given_text.hpp"
#include "json_object.hpp"
#include "pictures.hpp"
#include "recall.hpp"
#include "tasks.hpp"

namespace tool {
namespace {

struct retrieve_options {
  model_options model;
  picture_options pictures;
  std::vector<std::string> queries;
  std::string annotations, root;
  int top = 5, rerank = 128;
  double memory = 4;  // GB
  common_options common;
};

// The best pictures of a folder for each query.
int search(const retrieve_options& o, const compute& on) {
  for (const std::string& query : o.queries) require_text("--query", query, "a red circle");
  const std::vector<std::string> names = o.pictures.all();
  const opened_model model = open_model(o.model, model_task::match);
  const auto read = [&](int i) { return blip::read_image(names[static_cast<std::size_t>(i)]); };
  const auto found = open_retriever_for(model, o.rerank, o.memory, on)
                         ->find_pictures(static_cast<int>(names.size()), read, o.queries, o.top);
  for (std::size_t q = 0; q < found.size(); ++q)
    for (const blip::found_match& m : found[q]) {
      const std::string& name = names[static_cast<std::size_t>(m.number)];
      if (!o.common.json) {
        print_line((found.size() > 1 ? o.queries[q] + "\t" : "") + name + "\t" + json_object::digits(m.score));
        continue;
      }
      json_object line;
      line.text("query", o.queries[q])
          .text("image", name)
          .number("score", m.score)
          .number("itc_similarity", m.similarity);
      if (o.rerank > 0) line.number("itm_logit", m.logit);
      print_line(line.str());
    }
  return done;
}

// Recall in percent: tr of texts for pictures, ir of pictures for texts.
int measure_recall(const retrieve_options& o, const compute& on) {
  const opened_model model = open_model(o.model, model_task::match);
  const blip::retrieval_set set = blip::make_retrieval_set(blip::read_records(o.annotations, blip::read_captioned));
  const blip::picture_root root(o.root, [](auto bytes, auto& name) { return blip::decode_image(bytes, {}, name); });
  std::vector<std::string> texts;
  for (const std::string& text : set.texts) texts.push_back(cleaned_for(model, text));
  const auto read = [&](int i) { return root.read(set.images[static_cast<std::size_t>(i)]); };
  const blip::retrieval_matrices m = open_retriever_for(model, o.rerank, o.memory, on)
                                         ->scores(static_cast<int>(set.images.size()), read, texts);
  const blip::retrieval_scores r = blip::retrieval_recall(m.image_rows(), m.text_rows(), set.image_of_text);
  json_object out;
  if (o.common.json)
    print_line(add_recall(out, r)
                   .integer("images", m.pictures)
                   .integer("texts", m.texts)
                   .integer("pairs_read", static_cast<std::int64_t>(m.pairs_read))
                   .str());
  else
    for (const auto& [name, recall] :
         {std::pair("texts of an image", r.image_to_text), {"images of a text", r.text_to_image}})
      print_line(std::string(name) + "\tR@1 " + json_object::digits(recall.r1) + "\tR@5 " +
                 json_object::digits(recall.r5) + "\tR@10 " + json_object::digits(recall.r10));
  return done;
}

}  // namespace

void add_retrieve(CLI::App& app, job& chosen) {
  add_command<retrieve_options>(
      app, chosen, "retrieve", "Finds pictures for texts, or says how well a model finds them",
      "blip retrieve --model run/filter/model --images pictures --query 'a red circle' --top 3 --json",
      [](CLI::App& c, retrieve_options& o) {
        add_model(c, o.model);
        auto* const input = c.add_option_group("Pictures");
        auto* const images = input->add_option("--images", o.pictures.folder, "A folder of them: JPEG, PNG, PNM");
        auto* const annotations =
            input->add_option("--annotations", o.annotations,
                              "A list of pictures and their captions, as coco_karpathy_test.json; gives recall");
        input->require_option(1);
        auto* const query =
            c.add_option("--query", o.queries, "What is looked for")->needs(images)->excludes(annotations);
        images->needs(query);
        c.add_option("--image-root", o.root, "Where the pictures of --annotations are")->needs(annotations);
        c.add_option("--top", o.top, "Pictures that are told of each query")
            ->check(CLI::Range(1, 1000000))
            ->capture_default_str();
        c.add_option("--rerank", o.rerank, "Pairs of each query that the model reads; 0: only features are compared")
            ->check(CLI::Range(0, 1000000))
            ->capture_default_str();
        c.add_option("--memory", o.memory, "Gigabytes for states of pictures; those beyond are seen twice")
            ->check(CLI::Range(0.0, 1e6))
            ->capture_default_str();
      },
      [](const retrieve_options& o) {
        const compute on = o.common.on();
        return o.annotations.empty() ? search(o, on) : measure_recall(o, on);
      });
}

}  // namespace tool
