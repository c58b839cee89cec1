// SPDX-License-Identifier: Apache-2.0
#include "blip/io/model_config_json.hpp"
#include "blip/io/preprocessor_config.hpp"
#include "fuzz/memory_file.hpp"
#include "fuzz/target.hpp"

namespace blip_test {
namespace {

// A configuration that is read can be written, and comes back as it was.
void run_model_config(byte_span input) {
  static memory_file file;
  const std::string text = blip::model_config_json(blip::read_model_config(file.fill(input)));
  const blip::model_config again = blip::read_model_config(file.fill(text));
  if (blip::model_config_json(again) != text) throw std::logic_error("a configuration that changes when it is saved");
}

void run_preprocessor_config(byte_span input) {
  static memory_file file;
  const blip::preprocessor_config c = blip::read_preprocessor_config(file.fill(input));
  const blip::preprocessor_config again = blip::read_preprocessor_config(file.fill(blip::preprocessor_json(c)));
  if (again.height != c.height || again.width != c.width || again.filter != c.filter || again.scale != c.scale ||
      again.mean != c.mean || again.deviation != c.deviation)
    throw std::logic_error("a configuration that changes when it is saved");
}

const fuzz_registration model_config({"model_config", run_model_config, 64, 1u << 20});
const fuzz_registration preprocessor_config({"preprocessor_config", run_preprocessor_config, 64, 1u << 20});

}  // namespace
}  // namespace blip_test
