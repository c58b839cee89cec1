// SPDX-License-Identifier: Apache-2.0
#include "blip/train/capfilt_record.hpp"
#include "blip/train/checkpoint_manifest.hpp"
#include "blip/train/run_record.hpp"
#include "fuzz/target.hpp"

namespace blip_test {
namespace {

using namespace blip;

// Files that end with a checksum of all that stands before it: as they are, and with the checksum that fits. What is
// read can be written, and comes back as it was.
template <class Parse>
void use_sealed(byte_span input, Parse parse) {
  const std::string text(as_text(input));
  const auto there_and_back = [&](const std::string& sealed) {
    const std::string written = detail::to_text(parse(sealed));
    if (detail::to_text(parse(written)) != written) throw std::logic_error("a record that changes when it is saved");
  };
  unless_refused([&] {
    const std::string body = text.substr(0, text.find_last_of(','));
    there_and_back(body + detail::manifest_end(body));
  });
  there_and_back(text);
}

void run_manifest(byte_span input) {
  use_sealed(input, [](const std::string& text) { return detail::parse_manifest("manifest", text, {}); });
}
void run_capfilt(byte_span input) {
  use_sealed(input, [](const std::string& text) { return detail::parse_capfilt_record("record", text, {}); });
}
void run_record_of_run(byte_span input) {
  const std::string written = detail::to_text(detail::parse_run_record("run", as_text(input)));
  if (detail::to_text(detail::parse_run_record("run", written)) != written)
    throw std::logic_error("a record that changes when it is saved");
}

const fuzz_registration manifest({"checkpoint_manifest", run_manifest, 64, 1u << 20});
const fuzz_registration capfilt({"capfilt_record", run_capfilt, 64, 1u << 20});
const fuzz_registration run_record_target({"run_record", run_record_of_run, 64, 1u << 20});

}  // namespace
}  // namespace blip_test
