// SPDX-License-Identifier: Apache-2.0
#include "blip/io/convert_weights.hpp"
#include "common.hpp"
#include "json_object.hpp"
#include "weights_of.hpp"

namespace tool {
namespace {

struct convert_options {
  std::string from, to, layout;
  std::vector<std::string> drop;
  bool drop_training = false;
  common_options common;
};

int convert(const convert_options& o) {
  blip::convert_options how;
  for (const blip::layout_rules& l : blip::weights_layouts)
    if (l.name == o.layout) how.to = l.layout;
  how.leave_out = o.drop;
  if (o.drop_training)
    for (std::string& name : blip::training_only_names()) how.leave_out.push_back(std::move(name));
  const blip::weights_file from = weights_of(o.from);
  const std::string written = blip::convert_weights(from, o.to, how);
  const auto tensors = static_cast<std::int64_t>(blip::weights_file(written).tensors().size());
  if (o.common.json)
    print_line(json_object()
                   .text("from", o.from)
                   .text("to", written)
                   .text("layout", o.layout)
                   .integer("tensors", tensors)
                   .str());
  else
    print_line(written);
  return done;
}

}  // namespace

void add_convert(CLI::App& app, job& chosen) {
  add_command<convert_options>(
      app, chosen, "convert", "Writes weights in the names of another layout, as safetensors",
      "blip convert --from model_base_caption.pth --to model.safetensors --layout transformers --drop-training",
      [](CLI::App& c, convert_options& o) {
        c.add_option("--from", o.from, "A file of weights, or a model's folder")->required();
        c.add_option("--to", o.to, "The file to write")->required();
        c.add_option("--layout", o.layout, "Whose names")
            ->required()
            ->check(CLI::IsMember({"official", "transformers", "lavis"}));
        c.add_option("--drop", o.drop, "Patterns of official names to leave out; nothing else is");
        c.add_flag("--drop-training", o.drop_training, "Leave out queues, momentum copies and temperatures");
      },
      convert);
}

}  // namespace tool
