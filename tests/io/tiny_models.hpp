// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "archives.hpp"
#include "blip/backend/reference.hpp"
#include "blip/blip.hpp"
#include "blip/io/load_weights.hpp"
#include "blip/io/save_weights.hpp"
#include "support/catch.hpp"

// Models of a few hundred parameters for the tests of their files.
namespace blip_test {

using namespace blip;
using B = reference<float>;

inline constexpr vit_config eye{.width = 6, .heads = 2, .hidden = 10, .patch = 2};
inline constexpr text_config reader{.width = 6, .heads = 3, .hidden = 14, .context = 6, .cross = cross_schedule::all};
inline constexpr text_config fuser{
    .width = 6, .heads = 3, .hidden = 14, .context = 6, .cross = cross_schedule::from_layer};
inline constexpr itc_config features{.width = 5};
inline constexpr vit_options eye_options{.depth = 2, .image_height = 6, .image_width = 6};
inline constexpr text_options reader_options{.layers = 2, .embedding = {.vocabulary = 11, .positions = 7}};
inline constexpr text_options fuser_options{
    .layers = 4, .cross_from = 2, .embedding = {.vocabulary = 11, .positions = 7, .token_types = 2}};

inline constexpr tower_config captioner_towers = captioner_structure(eye, reader);
inline constexpr tower_config retriever_towers = encoder_structure(eye, reader);
inline constexpr tower_config answerer_towers = answerer_structure(eye, reader);
inline constexpr tower_config blip_towers = blip_structure(eye, reader);
inline constexpr tower_config blip_pair_towers = blip_pair_structure(eye, reader);
inline constexpr tower_config albef_towers = albef_structure(eye, fuser);
inline constexpr tower_config albef_retriever_towers = encoder_structure(eye, fuser);
inline constexpr tower_config albef_answerer_towers = albef_answerer_structure(eye, fuser);
inline constexpr tower_config albef_pair_towers = albef_pair_structure(eye, fuser);

using captioner = owned<blip_captioner<captioner_towers, B>, B>;
using retriever = owned<blip_retrieval<retriever_towers, B, features>, B>;
using answerer = owned<blip_answerer<answerer_towers, B>, B>;
using blip_pretrainer = owned<blip_pretraining<blip_towers, B, features>, B>;
using blip_reasoner = owned<blip_pair_reasoning<blip_pair_towers, B>, B>;
using albef_pretrainer = owned<albef_pretraining<albef_towers, B, features>, B>;
using albef_retriever = owned<albef_retrieval<albef_retriever_towers, B, features>, B>;
using albef_question_answerer = owned<albef_answerer<albef_answerer_towers, B>, B>;
using albef_reasoner = owned<albef_pair_reasoning<albef_pair_towers, B>, B>;

inline itc<features> contrast() { return itc<features>({.queue = 4}); }

// Each with its losses; the seed decides the values.
inline captioner make_captioner(std::uint64_t seed, vit_options v = eye_options) {
  return captioner(seed, tower_options{v, {}, reader_options}, lm());
}
inline retriever make_retriever(std::uint64_t seed) {
  return retriever(seed, tower_options{eye_options, reader_options, {}}, contrast(), itm<>());
}
inline answerer make_answerer(std::uint64_t seed) {
  return answerer(seed, tower_options{eye_options, reader_options, reader_options}, answer_list<>());
}
inline blip_pretrainer make_blip_pretrainer(std::uint64_t seed) {
  return blip_pretrainer(seed, tower_options{eye_options, reader_options, reader_options}, contrast(), itm<>(), lm());
}
inline blip_reasoner make_blip_reasoner(std::uint64_t seed) {
  text_options o = reader_options;
  o.merge_from = 1;
  return blip_reasoner(seed, tower_options{eye_options, o, {}}, classification<2, teacher::none, 2>());
}
inline albef_pretrainer make_albef_pretrainer(std::uint64_t seed) {
  return albef_pretrainer(seed, tower_options{eye_options, fuser_options, {}}, contrast(), itm<>(),
                          mlm<>(masking_options{}));
}
inline albef_retriever make_albef_retriever(std::uint64_t seed, text_options o = fuser_options) {
  return albef_retriever(seed, tower_options{eye_options, o, {}}, contrast(), itm<>());
}
inline albef_question_answerer make_albef_answerer(std::uint64_t seed) {
  return albef_question_answerer(seed, tower_options{eye_options, fuser_options, albef_decoder_options(fuser_options)},
                                 answer_list<teacher::momentum>());
}
inline albef_reasoner make_albef_reasoner(std::uint64_t seed) {
  return albef_reasoner(seed, tower_options{eye_options, albef_pair_options(fuser_options), {}},
                        classification<2, teacher::momentum, 2>());
}

// All values of a model, by every name.
template <class M>
std::map<std::string, std::vector<float>> values_of(const M& model) {
  std::map<std::string, std::vector<float>> all;
  for (const auto& n : model.values().layout()->names()) all[n.text] = model.values().read(n.text);
  return all;
}

// Writes tensors of float by name.
struct plain_tensor {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::vector<float> values;
};
inline std::string put_tensors(const scratch_folder& folder, const std::string& name,
                               const std::vector<plain_tensor>& tensors) {
  std::vector<safetensors_tensor> headers;
  for (const auto& t : tensors) headers.push_back({.name = t.name, .shape = t.shape});
  const std::string path = (folder.path / name).string();
  write_safetensors(path, headers, [&](std::size_t i) { return std::as_bytes(std::span(tensors[i].values)); });
  return path;
}
// The tensors of a file, to be changed and written again.
inline std::vector<plain_tensor> tensors_of(const std::string& path) {
  std::vector<plain_tensor> all;
  const weights_file file(path);
  for (const auto& t : file.tensors()) all.push_back({t.name, t.shape, file.read<float>(t)});
  return all;
}

// The error that a call ends with: "format", what it says.
template <class F>
std::pair<std::string, std::string> failure(F f) {
  try {
    f();
  } catch (const error& e) {
    const std::string kind = e.code() == error_code::format   ? "format"
                             : e.code() == error_code::shape  ? "shape"
                             : e.code() == error_code::config ? "config"
                             : e.code() == error_code::io     ? "io"
                                                              : "other";
    return {kind, e.what()};
  }
  return {"none", ""};
}

}  // namespace blip_test
