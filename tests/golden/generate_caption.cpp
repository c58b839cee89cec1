// SPDX-License-Identifier: Apache-2.0
#include "blip/generate/token_distribution.hpp"
#include "blip/models/blip.hpp"
#include "generated_ids.hpp"
#include "golden_model.hpp"
#include "support/backends.hpp"

using namespace blip;
namespace c = golden::c;

namespace {

constexpr tower_config structure = captioner_structure(golden::vision, golden::encoder);
const tower_options options{golden::vision_options, {}, golden::encoder_options};

template <class B>
struct subject {
  using S = typename B::scalar;

  const golden::test_case<S> g{std::string(c::directory)};
  owned<blip_captioner<structure, B>, B> model{1, options, lm{}};
  device<B> dev;
  inference_tape<B> t{dev, model.values()};
  int count = static_cast<int>(g.inputs.shape("images")[0]);
  buffer<B, S> pixels = golden::to_device<B>(g.inputs.template read<S>("images"));
  std::vector<std::vector<int>> prompts =
      golden::rows_of_ids(g.inputs.template read<int>("prompt_ids"), static_cast<std::size_t>(count));

  auto states() {
    if (!loaded_) g.load(model.values()), loaded_ = true;
    return model->towers().images(
        t, golden::images_of(t, picture_batch<B>{pixels.data(), count, 3, c::image_size, c::image_size}));
  }
  auto decoder() {
    const auto read = states();
    const auto& d = model->towers().decoder();
    return decoder_model(t, d.text, d.head, d.text.project(t, read.rows, read.layout));
  }
  double setting(const std::string& run, const char* name, double otherwise) const {
    return g.number_at("/configuration/runs/" + run + "/" + name, otherwise);
  }

 private:
  bool loaded_ = false;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("captions equal those of the published code", "[golden][generate]", test::golden_backends) {
  using S = typename TestType::scalar;
  subject<TestType> s;
  s.g.compare("image_embeds", to_host(s.states().rows), "outputs");
  auto model = s.decoder();
  int runs = 0;
  for (const std::string& name : s.g.expected.names()) {
    if (!name.ends_with(".sequences")) continue;
    const std::string run = name.substr(0, name.find('.'));
    INFO("run " << run);
    const auto whole = [&](const char* what) { return static_cast<int>(s.setting(run, what, 0)); };
    const token_rules rules = golden::rules_of(c::sep_id, whole("min_length"), whole("max_length"), c::prompt_length,
                                               s.setting(run, "repetition_penalty", 1));
    const beam_rule rule =
        whole("done_length_offset") == 1 ? beam_rule::transformers_4_30 : beam_rule::transformers_4_15;
    const int beams = whole("num_beams");
    const generated_texts found = beams == 1 ? greedy(model, s.prompts, rules)
                                             : beam_search(model, s.prompts, rules, {.beams = beams, .rule = rule});
    golden::compare_ids(found, s.prompts, golden::rows_of_ids(s.g.expected.template read<int>(name), s.prompts.size()),
                        c::pad_id);
    if (s.g.expected.has(run + ".sequences_scores"))
      s.g.compare(run + ".sequences_scores", golden::scores_of<S>(found), "outputs");
    ++runs;
  }
  CHECK(runs >= 6);
}

TEMPLATE_LIST_TEST_CASE("the logits of every step equal the published code", "[golden][generate]",
                        test::golden_backends) {
  using S = typename TestType::scalar;
  subject<TestType> s;
  auto model = s.decoder();
  const auto expected = golden::rows_of_ids(s.g.expected.template read<int>("greedy.sequences"), s.prompts.size());
  const auto steps = static_cast<std::size_t>(s.g.expected.shape("greedy.step_logits")[1]);
  const std::size_t batch = s.prompts.size(), vocabulary = c::vocab_size, prompt = c::prompt_length;
  std::vector<S> found(batch * steps * vocabulary, S(0));
  std::vector<char> running(batch * steps, 0);
  auto logits = model.start(s.prompts, s.count, static_cast<int>(steps));
  std::vector<std::size_t> row_text(batch);  // which text each row is
  for (std::size_t i = 0; i < batch; ++i) row_text[i] = i;
  for (std::size_t step = 0; step < steps; ++step) {
    std::vector<int> parents, tokens;
    std::vector<std::size_t> next;
    for (std::size_t r = 0; r < row_text.size(); ++r) {
      const std::size_t i = row_text[r];
      const S* const row = logits.row(static_cast<int>(r));
      std::copy(row, row + vocabulary, found.begin() + static_cast<std::ptrdiff_t>((i * steps + step) * vocabulary));
      running[i * steps + step] = 1;
      const int token = expected[i][prompt + step];
      if (token == c::sep_id) continue;
      parents.push_back(static_cast<int>(r)), tokens.push_back(token), next.push_back(i);
    }
    row_text = next;
    if (next.empty() || step + 1 == steps) break;
    logits = model.step(parents, tokens);
  }
  s.g.compare("greedy.step_logits", found, "outputs", running);
}

TEMPLATE_LIST_TEST_CASE("the distribution that nucleus sampling draws from equals the published code",
                        "[golden][generate]", test::golden_backends) {
  using S = typename TestType::scalar;
  subject<TestType> s;
  auto model = s.decoder();
  const auto logits = model.start(s.prompts, s.count, 1);
  const token_rules rules = golden::rules_of(c::sep_id, c::nucleus_min_length, c::nucleus_min_length + 9,
                                             c::prompt_length, c::nucleus_repetition_penalty);
  std::vector<S> raw, probabilities;
  token_distribution distribution;
  for (int i = 0; i < s.count; ++i) {
    raw.insert(raw.end(), logits.row(i), logits.row(i) + logits.width);
    std::vector<double> scores(logits.row(i), logits.row(i) + logits.width);
    rules.apply(scores, s.prompts[static_cast<std::size_t>(i)], c::prompt_length);
    std::vector<S> p(scores.size(), S(0));
    for (const token_chance& chance : distribution.of(
             scores, {.temperature = c::nucleus_temperature, .top_k = c::nucleus_top_k, .top_p = c::nucleus_top_p}))
      p[static_cast<std::size_t>(chance.token)] = static_cast<S>(chance.probability);
    probabilities.insert(probabilities.end(), p.begin(), p.end());
  }
  s.g.compare("nucleus.first_step_logits", raw, "outputs");
  s.g.compare("nucleus.first_step_probabilities", probabilities, "outputs");
}
