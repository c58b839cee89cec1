// SPDX-License-Identifier: Apache-2.0
//
// make_seeds GOLDEN OUT: writes the sound inputs (seed*) of every target, and known bad ones (case*) of the golden
// containers, below OUT. What is in tests/fuzz/corpus came from it; findings were added by hand.
#include <array>
#include <cstdio>
#include <filesystem>

#include "blip/image/encode_jpeg.hpp"
#include "blip/image/encode_png.hpp"
#include "blip/image/encode_ppm.hpp"
#include "blip/io/model_config_json.hpp"
#include "blip/io/preprocessor_config.hpp"
#include "blip/train/capfilt_record.hpp"
#include "blip/train/checkpoint_manifest.hpp"
#include "blip/train/run_record.hpp"
#include "image/made_picture.hpp"
#include "io/archives.hpp"

using namespace blip;
using namespace blip_test;
namespace fs = std::filesystem;

namespace {

fs::path out;

void put_bytes(const std::string& target, const std::string& name, const std::string& bytes) {
  fs::create_directories(out / target);
  std::ofstream(out / target / name, std::ios::binary) << bytes;
}
void seed(const std::string& target, const std::string& name, const std::string& bytes) {
  put_bytes(target, "seed-" + name, bytes);
}
void seed(const std::string& target, const std::string& name, const std::vector<std::byte>& bytes) {
  seed(target, name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}
// Files that the golden folder lacks are left out.
void copy(const fs::path& from, const std::string& target, const std::string& name) {
  if (fs::exists(from)) put_bytes(target, name, contents(from));
}

std::string tar_member(const std::string& name, const std::string& bytes) {
  std::string header(512, '\0');
  const auto set = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  std::array<char, 16> octal{};
  std::snprintf(octal.data(), octal.size(), "%011zo", bytes.size());
  set(0, name), set(100, "0000644"), set(108, "0000000"), set(116, "0000000"), set(124, octal.data());
  set(136, "00000000000"), set(148, "        "), set(156, "0"), set(257, std::string("ustar\0", 6)), set(263, "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(octal.data(), octal.size(), "%06o", sum);
  set(148, std::string(octal.data()) + '\0' + ' ');
  return header + bytes + std::string((512 - bytes.size() % 512) % 512, '\0');
}

void weights(const fs::path& golden) {
  const std::string four = raw(std::vector<float>{1, 2, 3, 4});
  const auto tensors = [](const std::string& header, const std::string& data) {
    return u64(header.size()) + header + data;
  };
  seed("safetensors", "two", tensors(R"({"__metadata__":{"by":"us"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
                                     R"("b":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}})", four + "xyz"));
  seed("safetensors", "model",
       tensors(R"({"visual_encoder.blocks.0.attn.proj.bias":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},)"
               R"("visual_encoder.blocks.0.attn.proj.weight":{"dtype":"F16","shape":[4,6],"data_offsets":[16,64]},)"
               R"("visual_encoder.pos_embed":{"dtype":"BF16","shape":[1,5,4],"data_offsets":[64,104]},)"
               R"("text_encoder.embeddings.word_embeddings.weight":{"dtype":"I8","shape":[12,4],"data_offsets":[104,152]}})",
               four + std::string(136, '\2')));
  copy(golden / "safetensors/tensors.safetensors", "safetensors", "seed-golden");
  copy(golden / "safetensors-layout/tensors.safetensors", "safetensors", "seed-golden-layout");
  seed("sharded_index", "two", R"({"metadata":{"total_size":32},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}})");

  const std::string w = p_tensor(p_storage("0", 6), 0, {2, 3}, {3, 1}), v = p_tensor(p_storage("0", 6), 1, {2}, {3});
  const std::string nested = p_program(p_dict({{"epoch", p_int(3)}, {"model", p_ordered + "(" + p_text("w") + w + "u"}}));
  const std::string flat = p_program(p_dict({{"visual_encoder.blocks.0.attn.proj.bias", v}, {"w", w}}));
  const storages six{{"0", raw(std::vector<float>{0, 1, 2, 3, 4, 5})}};
  seed("pickle", "nested", nested), seed("pickle", "flat", flat);
  seed("torch_zip", "nested", make_torch_zip(nested, six)), seed("torch_zip", "flat", make_torch_zip(flat, six));
  seed("torch_legacy", "nested", make_torch_legacy(nested, six));
  seed("torch_legacy", "flat", make_torch_legacy(flat, six));
  copy(golden / "torch-zip-flat/weights.pth", "torch_zip", "seed-golden");
  copy(golden / "torch-legacy-flat/weights.pth", "torch_legacy", "seed-golden");
  const fs::path bad = golden / "malformed";
  if (fs::exists(bad))
    for (const auto& file : fs::directory_iterator(bad)) {
      const std::string name = file.path().stem().string();
      if (name.starts_with("st-")) copy(file.path(), "safetensors", "case-" + name.substr(3));
      if (name.starts_with("pt-")) copy(file.path(), name.starts_with("pt-legacy") ? "torch_legacy" : "torch_zip", "case-" + name.substr(3));
    }

  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
  const std::string fortran = "{'descr': '|u1', 'fortran_order': True, 'shape': (3, 2), }\n";
  seed("npy", "plain", make_npy(header, four)), seed("npy", "fortran", make_npy(fortran, "abcdef", 2));
  seed("npz", "deflated", make_zip({{.name = "a.npy", .bytes = make_npy(header, four), .deflate = true, .descriptor = 16},
                                    {.name = "b.npy", .bytes = make_npy(fortran, "abcdef")}}));
  seed("npz", "wide", make_zip({{.name = "a.npy", .bytes = make_npy(header, four), .wide = true}}, {.end64 = true}));
  copy(golden / "numpy-npz/weights.npz", "npz", "seed-golden");
}

void pictures(const fs::path& golden) {
  const image small = gentle_picture(17, 23);
  seed("jpeg", "baseline", encode_jpeg(small)), seed("jpeg", "progressive", encode_jpeg(small, {.progressive = true}));
  seed("png", "rgb", encode_png(gentle_picture(5, 7)));
  seed("pnm", "rgb", encode_ppm(gentle_picture(5, 7))), seed("pnm", "gray", std::string("P5 # a comment\n3 2\n200\nabcdef"));
  seed("pnm", "wide", std::string("P6 1 1 65535\n123456"));
  for (const char* name : {"gray", "cmyk", "rotated-exif6"})
    copy(golden / (std::string(name) + ".jpg"), "jpeg", "seed-golden-" + std::string(name));
  for (const char* name : {"gray", "gray16", "palette", "one-pixel", "rgb16-interlaced"})
    copy(golden / (std::string(name) + ".png"), "png", "seed-golden-" + std::string(name));
}

void texts() {
  seed("vocabulary", "small", std::string("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\r\nunaff\n##able\n2\n\xc3\xa9"));
  seed("tokenizer_json", "small",
       std::string(R"({"added_tokens":[{"id":0,"content":"[PAD]"},{"id":5,"content":"[DEC]"}],)"
                   R"("normalizer":{"type":"BertNormalizer","clean_text":true,"strip_accents":null,"lowercase":true},)"
                   R"("model":{"type":"WordPiece","continuing_subword_prefix":"##",)"
                   R"("vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4}}})"));
  seed("wordpiece", "words", std::string("The ab[SEP] unaffable caf\xc3\xa9, it's \xe5\xad\x97 a\xcc\x81\xcc\xa7 \xce\xa3."));
  seed("cleaning", "caption", std::string("A man's  \"hat\" - <person>/dog (red)!\n\xc4\xb0 \xce\xa3\xce\xa3 end.  "));
  seed("data_spec", "shards", std::string("webdataset:a-{00..11}-{8..9}.tar,root=dir,weight=0.5"));
  seed("data_spec", "scenes", std::string("scenes:nano,seed=3,split=web"));
  tower_preset p;
  p.structure.vision = {.width = 8, .heads = 2, .hidden = 16, .patch = 4};
  p.structure.decoder = {.width = 8, .heads = 2, .hidden = 16, .context = 8, .cross = cross_schedule::all};
  p.options.vision = {.depth = 2, .image_height = 8, .image_width = 8};
  p.options.decoder = {.layers = 2, .embedding = {.vocabulary = 30, .positions = 16}};
  seed("model_config", "caption", model_config_json(to_model_config(p.structure, p.options)));
  seed("model_config", "short",
       std::string(R"({"architectures":["BlipForImageTextRetrieval"],"vision_config":{},"text_config":{"hidden_size":64}})"));
  seed("preprocessor_config", "whole", preprocessor_json({}));
  seed("preprocessor_config", "side", std::string(R"({"size":224,"resample":2,"do_resize":true})"));
}

void records() {
  const std::string captioned = R"({"image":"COCO_val2014_000000184613.jpg","caption":["a cat","two"],"image_id":7})";
  const std::string vqa = R"({"question_id":5,"question":"what?","image":"a.jpg","dataset":"vg","answer":["x","x","y"]})";
  const std::string aokvqa = R"({"question_id":"q","question":"w","image_id":2,"choices":["a","b"],"correct_choice_idx":1})";
  const std::string pair = R"({"sentence":"left of right","images":["l.png","r.png"],"label":"True"})";
  const std::string entailed = R"({"image":12,"sentence":"s","label":"neutral"})";
  const std::string referred = R"({"image":"i.jpg","text":"the \u00e9 one","ref_id":3})";
  const std::string filtered = R"({"image":"i.jpg","caption":"c","source":"synthetic","itm_probability":0.25})";
  seed("annotations", "list", "\xef\xbb\xbf[" + captioned + ",\n" + vqa + "," + pair + "," + referred + "]\n");
  seed("annotations", "others", "[" + aokvqa + "," + entailed + "," + filtered + R"(,{"url":"http://x/y.jpg?z","caption":"c"}])");
  seed("jsonl", "records", captioned + "\r\n\n" + filtered + "\n" + vqa + "\n" + entailed);
  seed("tsv", "columns", std::string("a.jpg\ta cat\nhttp://x/y.jpg\tb\tc\td\n\na red one\thttp://x/z.jpg#f\r\n"));
  seed("detections", "two", std::string(R"({"1":[{"box":[1,2,3,4],"score":0.5},{"box":[0,0,1.5,2]}],"b":[]})"));
  seed("answer_list", "three", std::string(R"(["yes","no","caf\u00e9"])"));
  seed("webdataset", "three", tar_member("a/1.jpg", "1") + tar_member("a/1.txt", "one") + tar_member("2.PNG", "22") +
                                  tar_member("2.json", R"({"caption":"two"})") + tar_member("3.jpg", "3") + std::string(1024, '\0'));
}

void run_files() {
  checkpoint_manifest m{.step = 7, .block_bytes = 64, .files = {{"values", 12, {3735928559u}}, {"moments.1", 65, {1, 2}}}};
  seed("checkpoint_manifest", "two", detail::to_text(m));
  run_record r{.step = 9, .updates = 8, .skipped_in_a_row = 1, .data = "\"x\"", .best = best_metric{0.5, 4}, .facts = {{"clip", "1"}}};
  seed("run_record", "best", detail::to_text(r));
  detail::capfilt_record c{.finished = true, .bytes = 20, .crc = 5, .facts = {{"seed", "1"}}};
  c.report.total = c.report.samples = 2, c.report.lines = 1, c.report.skipped["format"] = 1;
  c.report.web.seen = c.report.web.kept = 1;
  c.report.web.surest_kept.push_back({.sample = 1, .number = 0, .image = "a.jpg", .caption = "a", .itm_probability = 0.75f});
  seed("capfilt_record", "finished", detail::to_text(c));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: make_seeds GOLDEN OUT\n", stderr), 2;
  const fs::path golden = argv[1];
  out = argv[2];
  weights(golden / "containers"), pictures(golden / "images/decode-resize"), texts(), records(), run_files();
}
