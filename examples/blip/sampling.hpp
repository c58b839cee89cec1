// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>

#include "blip/tasks/answerer.hpp"
#include "blip/tasks/captioner.hpp"
#include "opened_model.hpp"

namespace tool {

// How texts are made, as the command line says it.
struct sampling_options {
  std::string sampler = "beam", rule;
  int max_tokens = 0, number = 1;  // 0: the usual number
  blip::token_rules rules;
  blip::beam_options beam;
  blip::token_filter filter;

  // Fills the options of a captioner or an answerer. `usual` tokens are made where none are asked for, or fewer where a
  // model has no positions for them behind a prompt of so many tokens.
  template <class Options>
  void fill(Options& o, const opened_model& m, int usual, int prompt) const {
    o.how = sampler == "greedy" ? blip::sampler::greedy
            : sampler == "beam" ? blip::sampler::beam
                                : blip::sampler::sample;
    if (o.how == blip::sampler::greedy && number > 1)
      throw blip::config_error(
          {"--num-captions of --sampler greedy", "1", std::to_string(number), "beam or sample gives several"});
    o.rules = rules, o.beam = beam, o.filter = filter;
    o.beam.rule = rule_for(m.rules), o.beam.best = o.samples = number;
    const int room = m.sizes.options.decoder.embedding.positions - prompt;
    o.rules.max_tokens = max_tokens > 0 ? max_tokens : std::min(usual, room);
  }

 private:
  blip::beam_rule rule_for(const blip::profile_rules& usual) const {
    if (rule.empty()) return usual.beams;
    return rule == "transformers-4.15"   ? blip::beam_rule::transformers_4_15
           : rule == "transformers-4.30" ? blip::beam_rule::transformers_4_30
                                         : blip::beam_rule::transformers_5;
  }
};

inline void add_sampling(CLI::App& c, sampling_options& o, const std::string& usual) {
  const char* const group = "Sampler";
  c.add_option("--sampler", o.sampler)
      ->check(CLI::IsMember({"greedy", "beam", "sample"}))
      ->capture_default_str()
      ->group(group);
  c.add_option("--beams", o.beam.beams)->check(CLI::Range(1, 1000))->capture_default_str()->group(group);
  c.add_option("--length-penalty", o.beam.length_penalty)->capture_default_str()->group(group);
  c.add_option("--beam-rule", o.rule, "How hypotheses are scored and when a search stops")
      ->check(CLI::IsMember({"transformers-4.15", "transformers-4.30", "transformers-5"}))
      ->group(group);
  c.add_option("--min-tokens", o.rules.min_tokens, "Of a text, the stop id included")
      ->check(CLI::Range(0, 10000))->capture_default_str()->group(group);
  c.add_option("--max-tokens", o.max_tokens, "Default: " + usual + ", or what small models have positions for")
      ->check(CLI::Range(1, 10000))->group(group);
  c.add_option("--repetition-penalty", o.rules.repetition_penalty)->capture_default_str()->group(group);
  c.add_option("--temperature", o.filter.temperature)->capture_default_str()->group(group);
  c.add_option("--top-k", o.filter.top_k, "0: all")->capture_default_str()->group(group);
  c.add_option("--top-p", o.filter.top_p)->capture_default_str()->group(group);
  c.add_option("--num-captions", o.number, "The best n beams, or n samples")
      ->check(CLI::Range(1, 1000))->capture_default_str()->group(group);
}

}  // namespace tool
