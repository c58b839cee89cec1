// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "blip/data/nearest_word.hpp"
#include "blip/data/scenes/words.hpp"
#include "blip/layers/linear.hpp"
#include "blip/layers/owned.hpp"
#include "common.hpp"
#include "compiled.hpp"
#include "json_object.hpp"
#include "own_data.hpp"

namespace tool {

std::vector<counted_training>& counted_trainings() {
  static std::vector<counted_training> all;
  return all;
}

namespace {

using clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 3> work_names{"images", "captions", "training"};

struct bench_options {
  std::vector<std::string> models, work;  // none: all
  std::vector<int> batches{1, 8};
  int tokens = 20, beams = 3, rounds = 3;
  bool csv = false;
  common_options common;

  bool wants(std::string_view model, std::string_view kind) const {
    const auto has = [](const std::vector<std::string>& list, std::string_view x) {
      return list.empty() || std::find(list.begin(), list.end(), x) != list.end();
    };
    return has(models, model) && has(work, kind);
  }
};

// What was measured: `seconds` for `batch` items of `flop` each (0: not known).
struct measurement {
  std::string model, work, how;
  int batch = 0;
  double seconds = 0, flop = 0, peak_bytes = 0;
};

double seconds_since(clock::time_point start) { return std::chrono::duration<double>(clock::now() - start).count(); }
double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.at(v.size() / 2);
}
// The median of the rounds, after one that fills the pools.
double seconds_of(int rounds, const std::function<void()>& work) {
  std::vector<double> seconds;
  for (int r = 0; r <= rounds; ++r) {
    const clock::time_point start = clock::now();
    work();
    if (r > 0) seconds.push_back(seconds_since(start));
  }
  return median(seconds);
}

// The most memory that the process has had since `begin`; where the kernel cannot begin anew, since it started.
struct peak_memory {
  static void begin() {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
    std::ofstream("/proc/self/clear_refs") << "5";
  }
  static double bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) return 1024 * std::stod(line.substr(6));
    return 0;
  }
};

// FLOP/s of one large product as models multiply: this machine's peak for what `on` asks for.
double peak_of_products(const compute& on) {
  constexpr int n = 2048;
  blip::device<blip::cpu> d(options_of<blip::cpu>(on));
  const blip::owned<blip::linear<blip::linear_config{n, n}, blip::cpu>, blip::cpu> square(1);
  const std::vector<float> x(std::size_t{n} * n, 0.5f);
  double best = 0;
  for (int r = 0; r < 6; ++r) {
    const clock::time_point start = clock::now();
    auto t = square.inference(d);
    square->forward(t, t.input<n>({x.data(), n, n, n, nullptr}));
    best = std::max(best, 2.0 * n * n * n / seconds_since(start));
  }
  return best;
}

// Products of a picture's way through its tower, and of a caption's: a token reads the rows of the picture and the
// tokens before it; beams part behind the first one.
double rows_of(const blip::tower_preset& p) {
  const blip::vit_options& o = p.options.vision;
  const int patch = p.structure.vision.patch;
  return 1.0 + (o.image_height / patch) * (o.image_width / patch);
}
double picture_flop(const blip::tower_preset& p) {
  const blip::vit_config& c = p.structure.vision;
  const double n = rows_of(p), width = c.width, hidden = c.hidden;
  return 2 * (n - 1) * 3 * c.patch * c.patch * width +
         p.options.vision.depth * (n * (8 * width * width + 4 * width * hidden) + 4 * n * n * width);
}
double caption_flop(const blip::tower_preset& p, int tokens, int beams) {
  const blip::text_config& c = p.structure.decoder;
  const double n = rows_of(p), width = c.width, hidden = c.hidden, layers = p.options.decoder.layers,
               words = p.options.decoder.embedding.vocabulary;
  double token = layers * (12 * width * width + 4 * width * hidden + 4 * n * width) + 2 * width * (width + words);
  token += layers * 4 * width * (tokens + 1) / 2;  // of the mean number of tokens
  return picture_flop(p) + layers * n * 4 * c.context * width + (1 + beams * (tokens - 1)) * token;
}

std::vector<blip::image> made_up_pictures(int count, const opened_model& m) {
  std::vector<blip::image> all;
  for (int i = 0; i < count; ++i) {
    blip::image& p = all.emplace_back(m.view.height, m.view.width);
    for (std::size_t k = 0; k < p.pixels.size(); ++k)
      p.pixels[k] = static_cast<std::uint8_t>((k + static_cast<std::size_t>(i)) * 2654435761u >> 24);
  }
  return all;
}

// A folder that is gone when this is.
class passing_folder {
 public:
  passing_folder()
      : path_((std::filesystem::temp_directory_path() / ("blip-bench-" + std::to_string(::getpid()))).string()) {
    std::filesystem::remove_all(path_);
  }
  passing_folder(const passing_folder&) = delete;
  passing_folder& operator=(const passing_folder&) = delete;
  ~passing_folder() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using to_report = std::function<void(const measurement&)>;

void measure_images(const bench_options& o, const compute& on, const to_report& tell) {
  for (const auto& compiled : matchers())
    for (const int batch : o.batches) {
      if (!o.wants(compiled.preset, "images")) continue;
      peak_memory::begin();
      const opened_model m = unlearned_model(compiled.preset, compiled.sizes);
      const auto model = compiled.open(m, matcher_options_for(m, batch), on);
      const std::vector<blip::image> pictures = made_up_pictures(batch, m);
      const double seconds = seconds_of(o.rounds, [&] { model->image_features(pictures); });
      tell({std::string(compiled.preset), "images", m.of_albef() ? "albef" : "blip", batch, seconds,
            picture_flop(m.sizes), peak_memory::bytes()});
    }
}

void measure_captions(const bench_options& o, const compute& on, const to_report& tell) {
  for (const auto& compiled : captioners())
    for (const int batch : o.batches)
      for (const int beams : std::set<int>{1, o.beams}) {
        if (!o.wants(compiled.preset, "captions")) continue;
        peak_memory::begin();
        const opened_model m = unlearned_model(compiled.preset, compiled.sizes);
        const int tokens = std::min(o.tokens, m.sizes.options.decoder.embedding.positions - 1);
        blip::captioner_options c{.view = m.view, .how = beams > 1 ? blip::sampler::beam : blip::sampler::greedy};
        c.rules.min_tokens = c.rules.max_tokens = tokens;
        c.beam.beams = beams;
        c.batch = batch;
        const auto model = compiled.open(m, c, on);
        const std::vector<blip::image> pictures = made_up_pictures(batch, m);
        const double seconds = seconds_of(o.rounds, [&] { model->caption(pictures, {}); });
        tell({std::string(compiled.preset), "captions", beams > 1 ? std::to_string(beams) + " beams" : "greedy", batch,
              seconds, caption_flop(m.sizes, tokens, beams), peak_memory::bytes()});
      }
}

// The steps of a real run, its pictures and batches made as always.
void measure_training(const bench_options& o, const compute& on, const to_report& tell) {
  const std::string data = "scenes:nano,split=web";
  for (const compiled_trainer& compiled : trainers()) {
    if (compiled.task != "pretrain" || !o.wants(compiled.preset, "training")) continue;
    peak_memory::begin();
    blip::training_recipe recipe = usual_pretraining(std::string(compiled.family));
    recipe.queue = compiled.queue ? 1024 : 0;
    recipe.steps = 8 + 12 * o.rounds;
    blip::vocabulary words(blip::scenes::word_list(blip::parse_data_spec(data).size()));
    blip::wordpiece tokens =
        compiled.family == "albef" ? blip::albef_tokenizer(std::move(words)) : blip::blip_tokenizer(std::move(words));
    const passing_folder folder;
    training_request q{recipe, open_weighted({data}, recipe.image_size), {data}, tokens, folder.path(), {}};
    q.seed = o.common.seed, q.on = on;
    std::vector<double> seconds;
    clock::time_point last = clock::now();
    q.stop = [&] {
      seconds.push_back(seconds_since(last));
      last = clock::now();
      return false;
    };
    compiled.train(q);
    seconds.erase(seconds.begin(), seconds.begin() + 8);  // they open files and fill the pools
    double flop = 0;
    std::vector<std::vector<int>> texts;
    for (std::uint64_t i = 0; i < 256; ++i)
      texts.push_back(
          tokens.encode(blip::clean_caption(blip::cleaning_of(recipe), q.data[0].pairs.sample(i).caption, recipe.words),
                        recipe.longest));
    for (const counted_training& c : counted_trainings())
      if (c.family == compiled.family && c.preset == compiled.preset && c.queue == compiled.queue)
        flop = c.flop(q, texts);
    tell({std::string(compiled.preset), "training", std::string(compiled.family) + (compiled.queue ? ", queue" : ""),
          recipe.batch, median(seconds), flop, peak_memory::bytes()});
  }
}

// A number with as many digits as it deserves.
std::string shown(double v) {
  char text[32];
  std::snprintf(text, sizeof text, v < 10 ? "%.3g" : "%.0f", v);
  return text;
}

int bench(const bench_options& o) {
  const compute on = o.common.on();
  if (on.plain_loops)
    throw blip::device_error(
        {"--backend of bench", "auto or cpu", "reference", "plain loops are for checking numbers"});
  std::set<std::string_view> compiled;
  for (const auto& m : matchers()) compiled.insert(m.preset);
  for (const auto& m : captioners()) compiled.insert(m.preset);
  const std::vector<std::string_view> names(compiled.begin(), compiled.end());
  for (const std::string& model : o.models) static_cast<void>(blip::place_of_word("--models", model, names));

  const double peak = peak_of_products(on);
  const std::string precision = on.bf16 ? "bf16" : "fp32";
  const int threads = on.threads > 0 ? on.threads : blip::available_threads();
  const auto facts = [&](const measurement& m) {
    const double rate = m.batch / m.seconds, speed = m.flop * rate;
    const auto known = [&](double v) { return m.flop > 0 ? json_object::digits(v) : std::string("null"); };
    return std::vector<std::pair<const char*, std::string>>{
        {"model", json_object::quoted(m.model)},
        {"work", json_object::quoted(m.work)},
        {"how", json_object::quoted(m.how)},
        {"batch", std::to_string(m.batch)},
        {"precision", json_object::quoted(precision)},
        {"threads", std::to_string(threads)},
        {"per_second", json_object::digits(rate)},
        {"seconds", json_object::digits(m.seconds)},
        {"gflops", known(speed / 1e9)},
        {"share_of_peak", known(speed / peak)},
        {"peak_bytes", std::to_string(static_cast<std::int64_t>(m.peak_bytes))}};
  };
  const auto as_row = [&](const measurement& m) {
    const double rate = m.batch / m.seconds, speed = m.flop * rate;
    const auto known = [&](const std::string& text) { return m.flop > 0 ? text : std::string("-"); };
    return "| " + m.model + " | " + m.work + ", " + m.how + " | " + std::to_string(m.batch) + " | " + shown(rate) +
           " | " + shown(1e3 * m.seconds) + " | " + known(shown(speed / 1e9)) + " | " +
           known(shown(100 * speed / peak) + " %") + " | " + shown(m.peak_bytes / 1e6) + " |";
  };
  const auto joined = [](const auto& list, auto part) {
    std::string line;
    for (const auto& f : list) line += (line.empty() ? "" : ",") + part(f);
    return line;
  };
  if (o.csv)
    print_line(joined(facts({}), [](const auto& f) { return std::string(f.first); }));
  else if (!o.common.json)
    print_line("Threads: " + std::to_string(threads) + ", products in " + precision + ", peak " + shown(peak / 1e9) +
               " GFLOP/s (one product of 2048 x 2048 x 2048).\n\n"
               "| model | work | batch | per second | ms | GFLOP/s | of the peak | memory, MB |\n"
               "|---|---|---|---|---|---|---|---|");
  const to_report tell = [&](const measurement& m) {
    if (o.csv)
      print_line(joined(facts(m), [](const auto& f) { return f.second; }));
    else if (o.common.json)
      print_line("{" + joined(facts(m), [](const auto& f) { return json_object::quoted(f.first) + ":" + f.second; }) +
                 "}");
    else
      print_line(as_row(m));
  };
  measure_images(o, on, tell);
  measure_captions(o, on, tell);
  measure_training(o, on, tell);
  return done;
}

void add_bench_options(CLI::App& c, bench_options& o) {
  c.add_option("--models", o.models,
               "Sizes, of those that were compiled; default: all. They begin with random weights");
  c.add_option("--work", o.work, "images, captions, training; default: all")
      ->check(CLI::IsMember(std::vector<std::string>(work_names.begin(), work_names.end())));
  c.add_option("--batch", o.batches, "Pictures at a time; training has its recipe's")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  c.add_option("--tokens", o.tokens, "Of each caption")->check(CLI::Range(1, 500))->capture_default_str();
  c.add_option("--beams", o.beams, "Of captions that are not greedy")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  c.add_option("--rounds", o.rounds, "Of each measurement; their median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  c.add_flag("--csv", o.csv, "Comma-separated values, those of --json, instead of a table");
}

}  // namespace

void add_bench(CLI::App& app, job& chosen) {
  add_command<bench_options>(
      app, chosen, "bench", "Measures the models on this machine: pictures, captions and training samples a second",
      "blip bench --models blip-base --work captions --precision bf16", add_bench_options, bench);
}

}  // namespace tool
