// SPDX-License-Identifier: Apache-2.0
#include "blip/io/weights_file.hpp"

#include <sys/resource.h>

#include <chrono>
#include <map>
#include <optional>
#include <random>

#include "archives.hpp"
#include "support/catch.hpp"
#include "support/numbers.hpp"

using namespace blip;
using namespace blip_test;

namespace {

const std::filesystem::path golden = std::filesystem::path(BLIP_GOLDEN_DIR) / "containers";

// False, and says so, where the golden folder has no such containers.
bool has_golden(const char* what) {
  const bool there = std::filesystem::exists(golden / what);
  if (!there) WARN("skipped: no golden containers " << what);
  return there;
}

std::string with_length(const std::string& header, const std::string& data) {
  return u64(header.size()) + header + data;
}

// A small file of each format: the tensors w [2, 3] and n [2].
const std::string w = raw(std::vector<float>{1, 2, 3, 4, 5, 6}), n = raw(std::vector<std::int64_t>{7, -8});
const numbers w_values{1, 2, 3, 4, 5, 6}, n_values{7, -8};
const std::string program =
    p_program(p_dict({{"epoch", p_int(3)},
                      {"model", p_ordered + "(" + p_text("w") + p_tensor(p_storage("0", 6), 0, {2, 3}, {3, 1}) +
                                    p_text("n") + p_tensor(p_storage("1", 2, "LongStorage"), 0, {2}, {1}) + "u"}}));

struct sample {
  std::string name, bytes;
  weights_container container;
  bool summed;  // checksums cover the tensors
};
const std::vector<sample>& samples() {
  static const std::vector<sample> all = [] {
    std::string legacy = make_torch_legacy(program, {{"0", w}, {"1", n}});
    const auto npz = [](bool deflate) {
      return make_zip({{.name = "w.npy",
                        .bytes = make_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", w),
                        .deflate = deflate},
                       {.name = "n.npy",
                        .bytes = make_npy("{'descr': '<i8', 'fortran_order': True, 'shape': (2,), }\n", n),
                        .deflate = deflate}},
                      {.end64 = deflate});
    };
    legacy.replace(legacy.size() - 24, 8, u64(2));  // the second storage has elements of 8 bytes
    return std::vector<sample>{
        {"safetensors",
         with_length(R"({"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                     R"("n":{"dtype":"I64","shape":[2],"data_offsets":[24,40]}})",
                     w + n),
         weights_container::safetensors, false},
        {"torch zip", make_torch_zip(program, {{"0", w}, {"1", n}}), weights_container::torch_zip, true},
        {"torch before 1.6", legacy, weights_container::torch_legacy, false},
        {"npz", npz(false), weights_container::npz, true},
        {"npz, deflated", npz(true), weights_container::npz, true}};
  }();
  return all;
}

// What a file holds; nothing when it is refused. Any exception that is not an error of the library goes through.
std::optional<std::map<std::string, numbers>> read_all(const std::string& path) {
  try {
    const weights_file f(path);
    std::map<std::string, numbers> all;
    for (const auto& t : f.tensors()) {
      all[t.name] = f.read<double>(t);
      CHECK(all[t.name].size() == t.elements());
    }
    return all;
  } catch (const error& e) {
    CHECK(std::string(e.what()).find(path.substr(path.find_last_of('/') + 1, 5)) != std::string::npos);
    return std::nullopt;
  }
}

}  // namespace

TEST_CASE("weights: a file is opened by what is in it, not by its name", "[io]") {
  const scratch_folder folder("weights");
  for (const sample& s : samples()) {
    INFO(s.name);
    for (const char* name : {"x.pth", "x.safetensors", "x"}) {
      const weights_file f(folder.put(name, s.bytes));
      CHECK(f.container() == s.container);
      REQUIRE(f.tensors().size() == 2);
      CHECK(f.find("w")->shape == std::vector<std::uint64_t>{2, 3});
      CHECK(f.find("w")->type == stored_type::f32);
      CHECK(f.find("n")->type == stored_type::i64);
      CHECK(f.read<double>(*f.find("w")) == w_values);
      CHECK(f.read<float>(*f.find("n")) == std::vector<float>{7, -8});
      CHECK(f.find("epoch") == nullptr);
    }
  }
  for (const char* text :
       {"", "x", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "<html>", "\n\n"})
    CHECK(outcome([&] { weights_file(folder.put("x", text)); }) == "format");
  CHECK(outcome([&] { weights_file(folder.path.string()); }) == "io");
}

TEST_CASE("weights: an index gathers the files beside it", "[io]") {
  const scratch_folder folder("weights");
  const auto one = [](const std::string& name) {
    return with_length("{\"" + name + R"(":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", w);
  };
  folder.put("1.safetensors", one("a"));
  folder.put("2.safetensors", one("b"));
  folder.put("3.bin", make_torch_zip(program, {{"0", w}, {"1", n}}));
  folder.put("a2.safetensors", one("a"));
  const auto index = [&](const std::string& map, const limits& bounds = {}) {
    const std::string path = folder.put("index.json", "{\"metadata\":{},\"weight_map\":{" + map + "}}");
    return outcome([&] {
      const weights_file f(path, bounds);
      CHECK(f.container() == weights_container::index);
      for (const auto& t : f.tensors())
        if (t.name != "n") CHECK(f.read<double>(t) == w_values);
    });
  };
  const std::string a = R"("a":"1.safetensors")", b = R"("b":"2.safetensors")";
  CHECK(index("") == "read");
  CHECK(index(a + "," + b) == "read");
  CHECK(index(a + R"(,"w":"3.bin","n":"3.bin")") == "read");
  CHECK(index(a + R"(,"w":"3.bin")") == "format");          // the file holds another tensor
  CHECK(index(a + R"(,"b":"1.safetensors")") == "format");  // a tensor that is not there
  CHECK(index(R"("a":"2.safetensors","b":"1.safetensors")") == "format");
  CHECK(index(a + "," + a) == "format");
  CHECK(index(a + R"(,"c":"a2.safetensors")") == "format");  // a name in two files
  CHECK(index(R"("a":"index.json")") == "format");
  CHECK(index(R"("a":"none.safetensors")") == "io");
  CHECK(index(R"("a":"..")") == "format");
  CHECK(index(R"("a":"")") == "format");
  CHECK(index(R"("a":"./1.safetensors")") == "format");
  CHECK(index(R"("a":"/etc/passwd")") == "format");
  CHECK(index(R"("a":"1.safetensors\u0000")") == "format");
  CHECK(index(R"("a":1)") == "format");
  limits tight;
  tight.shards = 2, tight.tensors = 2;
  CHECK(index(a + "," + b, tight) == "read");
  --tight.shards;
  CHECK(index(a + "," + b, tight) == "limit");
  tight.shards = 2, tight.tensors = 1;
  CHECK(index(a + "," + b, tight) == "limit");
  for (const char* text :
       {"{", "{}", "{\"weight_map\":[]}", "{\"weight_map\":{},\"weight_map\":{}}", "{\"metadata\":{}}", "{} x"})
    CHECK(outcome([&] { weights_file(folder.put("index.json", text)); }) == "format");
}

TEST_CASE("weights: golden containers hold what they should", "[io][golden]") {
  if (!has_golden("torch-zip/case.json")) return;
  int cases = 0;
  for (const auto& folder : std::filesystem::directory_iterator(golden)) {
    if (!std::filesystem::exists(folder.path() / "expected.safetensors")) continue;
    INFO(folder.path());
    std::string path;
    for (const auto& file : std::filesystem::directory_iterator(folder)) {
      const std::string name = file.path().filename().string();
      if (name != "case.json" && name != "expected.safetensors" && !name.starts_with("model-0"))
        path = file.path().string();
    }
    const safetensors_file expected((folder.path() / "expected.safetensors").string());
    simdjson::dom::parser parser;
    const simdjson::dom::element told = parser.load((folder.path() / "case.json").string());
    const weights_file found(path);
    CHECK(found.tensors().size() == expected.tensors().size());
    for (const auto& e : expected.tensors()) {
      INFO(e.name);
      const weights_tensor* t = found.find(e.name);
      REQUIRE(t);
      CHECK(t->shape == e.shape);
      CHECK(std::string_view(told["tensors"][e.name]["dtype"]) == describe(t->type).name);
      if (e.type == stored_type::i64)
        CHECK(found.read<std::int64_t>(*t) == expected.read<std::int64_t>(e));
      else
        CHECK(difference_of_bits(found.read<double>(*t), expected.read<double>(e)) == "");
    }
    ++cases;
  }
  CHECK(cases >= 8);
}

TEST_CASE("weights: every malformed golden file is refused, in little time and memory", "[io][golden]") {
  if (!has_golden("malformed/files.jsonl")) return;
  std::ifstream list(golden / "malformed" / "files.jsonl");
  simdjson::dom::parser parser;
  struct rusage before {
  }, after{};
  ::getrusage(RUSAGE_SELF, &before);
  int files = 0;
  for (std::string line; std::getline(list, line); ++files) {
    const simdjson::dom::element told = parser.parse(line);
    const std::string name{std::string_view(told["file"])}, expect{std::string_view(told["expect"])};
    INFO(name);
    auto path = golden / "malformed" / name;
    if (std::filesystem::is_directory(path)) path /= "model.safetensors.index.json";
    const auto start = std::chrono::steady_clock::now();
    const std::string found = outcome([&] {
      const weights_file f(path.string());
      for (const auto& t : f.tensors()) f.read<double>(t);
    });
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
    if (expect == "refuse") CHECK(found != "read");
  }
  CHECK(files >= 168);
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 64 << 10);  // KiB
}

TEST_CASE("weights: every prefix of a file is refused", "[io]") {
  const scratch_folder folder("weights");
  for (const sample& s : samples()) {
    INFO(s.name);
    for (std::size_t size = 0; size < s.bytes.size(); ++size)
      CHECK_FALSE(read_all(folder.put("x.bin", s.bytes.substr(0, size))));
  }
}

TEST_CASE("weights: a changed byte is refused, or changes nothing where there are checksums", "[io]") {
  const scratch_folder folder("weights");
  for (const sample& s : samples()) {
    INFO(s.name);
    const auto whole = read_all(folder.put("x.bin", s.bytes));
    REQUIRE(whole);
    int refused = 0;
    for (std::size_t at = 0; at < std::min<std::size_t>(s.bytes.size(), 2048); ++at)
      for (const int flip : {0xff, 1 << at % 8, 0x20}) {
        std::string changed = s.bytes;
        changed[at] = static_cast<char>(changed[at] ^ flip);
        const auto found = read_all(folder.put("x.bin", changed));
        if (found && s.summed && *found != *whole) FAIL_CHECK("byte " << at << " was read as something else");
        refused += !found;
      }
    CHECK(refused > static_cast<int>(s.bytes.size()));
  }
}

namespace {

// One to three small damages, the same ones for the same seed.
class damage {
 public:
  std::string operator()(std::string b) {
    const std::string whole = b;
    for (std::size_t k = 1 + below(3); k > 0; --k) {
      const std::size_t at = below(b.size()), size = std::min(b.size() - at, std::size_t{1} << below(4));
      switch (below(6)) {
        case 0:  // a bit
          b[at] = static_cast<char>(b[at] ^ (1 << below(8)));
          break;
        case 1:  // a byte
          b[at] = static_cast<char>(random_());
          break;
        case 2:  // a number at the edge of some type
          b.replace(at, size, u64(edges[below(std::size(edges))]), 0, size);
          break;
        case 3:  // bytes lost
          b.erase(at, below(9));
          break;
        case 4: {  // bytes twice
          const std::string copy = b.substr(at, below(40));
          b.insert(below(b.size()), copy);
          break;
        }
        default:  // bytes moved over others
          b.replace(at, size, whole, below(whole.size() - size), size);
      }
      if (b.empty()) b = "x";
    }
    return b;
  }

 private:
  static constexpr std::uint64_t edges[] = {0,          1,           0x7f,       0xff,       0x7fffffff, 0x80000000,
                                            0xffffffff, 0x100000000, 1ull << 48, ~0ull >> 1, ~0ull};
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
  std::mt19937_64 random_{17};
};

}  // namespace

TEST_CASE("weights: ten thousand random changes of every format do no harm", "[io]") {
  const scratch_folder folder("weights");
  for (const sample& s : samples()) {
    INFO(s.name);
    damage damaged;
    int read = 0;
    for (int i = 0; i < 10'000; ++i) read += read_all(folder.put("x.bin", damaged(s.bytes))).has_value();
    CHECK(read < 5'000);
  }
}

TEST_CASE("weights: random changes below fresh checksums do no harm either", "[io]") {
  const scratch_folder folder("weights");
  const std::string array = make_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", w);
  damage damaged;
  int read = 0;
  for (int i = 0; i < 10'000; ++i) {
    read += read_all(folder.put("x.bin", make_torch_zip(damaged(program), {{"0", w}, {"1", n}}))).has_value();
    read_all(folder.put("x.bin", make_zip({{.name = "w.npy", .bytes = damaged(array)}})));
  }
  CHECK(read < 5'000);
}

TEST_CASE("weights: every prefix and every changed byte of an index is refused, or leads to the same tensors", "[io]") {
  const scratch_folder folder("weights");
  folder.put("1", with_length(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", w));
  const std::string index = R"({"metadata":{"total_size":24},"weight_map":{"a":"1"}})";
  REQUIRE(read_all(folder.put("x.bin", index)));
  for (std::size_t at = 0; at < index.size(); ++at) {
    CHECK_FALSE(outcome([&] { weights_file(folder.put("x.bin", index.substr(0, at))); }) == "read");
    for (int flip = 1; flip < 256; ++flip) {
      std::string changed = index;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      std::vector<std::string> names;
      if (outcome([&] {
            const weights_file f(folder.put("x.bin", changed));
            for (const auto& t : f.tensors()) names.push_back(t.name);
          }) == "read")
        CHECK(names == std::vector<std::string>{"a"});
    }
  }
}
