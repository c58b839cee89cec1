// SPDX-License-Identifier: Apache-2.0
//
// The command-line tool: one program over the library, one file per subcommand.
#include <csignal>
#include <new>
#include <string_view>
#include <vector>

#include "blip/core/version.hpp"
#include "blip/data/nearest_word.hpp"
#include "common.hpp"

namespace {

// A first word that is no subcommand gets the nearest one as a hint; anything else is said by the parser.
std::string usage_message(const CLI::App& app, std::string_view first, const std::string& otherwise) {
  if (first.empty() || first[0] == '-') return otherwise;
  std::vector<std::string_view> names;
  for (const CLI::App* c : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(c->get_name());
  for (const std::string_view name : names)
    if (name == first) return otherwise;
  return "there is no subcommand \"" + std::string(first) + "\"; did you mean " +
         std::string(blip::nearest_word(first, names)) + "?";
}

int fail(const char* what) {
  std::fprintf(stderr, "blip: %s\n", what);
  return tool::failed;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains and runs vision-language models.", "blip");
  app.footer("blip SUBCOMMAND --help shows options and an example.\n"
             "Exit: 0 done, 1 bad input or failed job, 2 usage, 75 stopped after saving.");
  app.require_subcommand(1);
  tool::job chosen;
  for (const auto add : {tool::add_caption, tool::add_match, tool::add_features, tool::add_retrieve,
                         tool::add_ground, tool::add_vqa, tool::add_nlvr,
                         tool::add_entail, tool::add_bootstrap, tool::add_pretrain,
                         tool::add_finetune, tool::add_capfilt, tool::add_evaluate, tool::add_convert,
                         tool::add_inspect,    tool::add_bench})
    add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    if (argc < 2)
      std::fputs(app.help().c_str(), stderr);
    else
      std::fprintf(stderr, "blip: %s\nRun blip --help, or blip SUBCOMMAND --help.\n",
                   usage_message(app, argv[1], e.what()).c_str());
    return tool::wrong_usage;
  }
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error to report
  try {
    return chosen();
  } catch (const std::bad_alloc&) {
    return fail("out of memory");
  } catch (const std::exception& e) {
    return fail(e.what());
  }
}
