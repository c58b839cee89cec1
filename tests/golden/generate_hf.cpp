// SPDX-License-Identifier: Apache-2.0
#include "blip/layers/lm_head.hpp"
#include "blip/layers/owned.hpp"
#include "blip/models/text_transformer.hpp"
#include "generated_ids.hpp"
#include "golden_case.hpp"
#include "golden_config.hpp"  // written at configure time from the model's config.json
#include "support/backends.hpp"

using namespace blip;
namespace c = blip_golden;

namespace {

constexpr bool captions = c::case_name == std::string_view("caption");
// A captioner reads the picture, an answerer the states of a question.
constexpr int context = captions ? c::vision_config_hidden_size : c::text_config_hidden_size;
constexpr text_config structure{.width = c::text_config_hidden_size,
                                .heads = c::text_config_num_attention_heads,
                                .hidden = c::text_config_intermediate_size,
                                .context = context,
                                .cross = cross_schedule::all};
const text_options options{.layers = c::text_config_num_hidden_layers,
                           .embedding = {.vocabulary = c::text_config_vocab_size,
                                         .positions = c::text_config_max_position_embeddings,
                                         .norm_eps = c::text_config_layer_norm_eps},
                           .norm_eps = c::text_config_layer_norm_eps};

template <class B>
struct decoder {
  text_transformer<structure, B> text{options};
  lm_head<c::text_config_hidden_size, B> head{c::text_config_vocab_size, c::text_config_layer_norm_eps};

  template <class Self, class F>
  static void members(Self& self, F&& f) {
    f("text_decoder.bert", self.text), f("text_decoder.cls.predictions", self.head);
  }
};

const std::string directory(c::directory);

class case_text {
 public:
  simdjson::dom::element operator[](const char* key) const { return json_[key]; }

 private:
  simdjson::padded_string text_ = simdjson::padded_string::load(directory + "/case.json").value();
  simdjson::dom::parser parser_;
  simdjson::dom::element json_ = parser_.parse(text_);
};

std::vector<int> ids_of(simdjson::dom::element list) {
  std::vector<int> ids;
  for (const auto id : simdjson::dom::array(list)) ids.push_back(static_cast<int>(id.get_int64().value()));
  return ids;
}

// A decoder from the model's file, over given states. The file leaves out what it ties: the names are alternatives.
template <class B>
struct subject {
  using S = typename B::scalar;

  owned<decoder<B>, B> model{1};
  device<B> dev;
  inference_tape<B> t{dev, model.values()};
  const golden::stored expected{directory + "/expected.safetensors"};

  subject() {
    const golden::stored weights(directory + "/model/model.safetensors");
    const auto& layout = *model.values().layout();
    std::vector<char> written(layout.entries().size(), 0);
    for (const auto& n : layout.names())
      if (weights.has(n.text)) {
        const auto v = weights.template read<double>(n.text);
        model.values().template write<double>(n.text, std::span<const double>(v));
        written[static_cast<std::size_t>(n.entry)] = 1;
      }
    for (const auto& n : layout.names()) {
      INFO(n.text);
      CHECK(written[static_cast<std::size_t>(n.entry)]);
    }
  }

  // Runs f(model) over rows [., context], of the given layout.
  template <class F>
  void over(const std::vector<S>& rows, const sequence_layout& layout, F f) {
    const auto at = golden::to_device<B>(rows);
    const auto x = t.template input<context>(golden::rows_of(at.data(), layout.rows, context));
    decoder_model made(t, model->text, model->head, model->text.project(t, x, layout));
    f(made);
  }
};

constexpr int stop = c::text_config_sep_token_id, first = c::text_config_bos_token_id;

void check_equal(const generated& found, std::vector<int> ids, const std::vector<int>& expected) {
  ids.insert(ids.end(), found.tokens.begin(), found.tokens.end());
  CHECK(ids == expected);
}

// Greedy, and three beams under the newest and an older rule.
template <class M>
void check(M& model, const std::vector<std::vector<int>>& prompts, int new_tokens, const std::string& prefix,
           const std::vector<simdjson::dom::element>& lines) {
  const token_rules rules{.stop = stop, .max_tokens = new_tokens};
  const auto best = greedy(model, prompts, rules);
  const auto newest = beam_search(model, prompts, rules, {.rule = beam_rule::transformers_5});
  const auto older = beam_search(model, prompts, rules, {.rule = beam_rule::transformers_4_30});
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    INFO(prefix << " of line " << i);
    check_equal(best[i][0], prompts[i], ids_of(lines[i][prefix + "greedy_ids"]));
    check_equal(newest[i][0], prompts[i], ids_of(lines[i][prefix + "beam3_ids"]));
    check_equal(older[i][0], prompts[i], ids_of(lines[i][prefix + "beam3_ids_old_rule"]));
  }
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("texts equal those of transformers 5 and 4.30", "[golden][generate]", test::golden_backends) {
  using B = TestType;
  using S = typename B::scalar;
  const case_text text;
  subject<B> s;
  std::vector<simdjson::dom::element> lines;
  for (const auto line : simdjson::dom::array(text["expected"])) lines.push_back(line);
  const int count = static_cast<int>(lines.size()),
            new_tokens = static_cast<int>(text["settings"]["max_new_tokens"].get_int64().value());
  const std::vector<std::vector<int>> alone(lines.size(), {first});

  const char* const name = captions ? "vision_last_hidden_state" : "question_states";
  const auto states = s.expected.template read<S>(name);
  const int length = static_cast<int>(s.expected.shape(name)[1]);
  if constexpr (captions) {
    std::vector<int> prompt = ids_of(text["settings"]["prompt_ids_of_the_tokenizer"]);
    prompt.front() = first, prompt.pop_back();
    s.over(states, sequence_layout::uniform(count, length), [&](auto& model) {
      check(model, alone, new_tokens, "", lines);
      check(model, std::vector<std::vector<int>>(lines.size(), prompt), new_tokens, "prompt_", lines);
    });
  } else {
    // Question by question there is no padding; in their padded batch its states are read too.
    const golden::packing rows(s.expected.template read<int>("question_mask"), count);
    const packed_layout<B> layout(rows.lengths);
    s.over(rows.pack(states, context), layout, [&](auto& model) { check(model, alone, new_tokens, "", lines); });
    s.over(states, sequence_layout::uniform(count, length), [&](auto& model) {
      const auto found =
          beam_search(model, alone, {.stop = stop, .max_tokens = new_tokens}, {.rule = beam_rule::transformers_5});
      std::size_t i = 0;
      for (const auto expected : simdjson::dom::array(text["padded_batch"]["padded_batch_beam3_ids"])) {
        check_equal(found[i][0], alone[i], ids_of(expected));
        ++i;
      }
    });
  }
}
