// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>

#include "support/catch.hpp"
#include "support/temporary_folder.hpp"
#include "train/capfilt_fakes.hpp"

using namespace blip;
using namespace blip_test;

namespace {

// 150 samples of which two are broken, in 19 batches, saved after every fourth.
const numbered_pairs broken_pairs{150, [](std::uint64_t i) { return i == 70 || i == 141; }};

capfilt_options small(earlier_output earlier = earlier_output::is_resumed) {
  return {.threshold = 0.4f,
          .captions = 2,
          .batch = 8,
          .decode = {.threads = 2, .ahead = 5},
          .save_every = 4,
          .earlier = earlier,
          .examples = 3};
}
capfilt_report filtered(const std::string& path, const capfilt_options& o,
                        std::function<void(std::size_t)> before_call = {}) {
  fake_captioner captioner;
  if (before_call) captioner.before_call = std::move(before_call);
  return capfilt(broken_pairs, captioner, fake_matcher{}, o, path);
}

// What a run that nothing disturbs leaves.
struct undisturbed {
  std::string output, report, record;
  undisturbed() {
    const temporary_folder folder;
    report = to_json(filtered(folder / "a", small()));
    output = get(folder / "a"), record = get(folder / "a.run.json");
  }
};
const undisturbed& should() {
  static const undisturbed once;
  return once;
}
void check_is_undisturbed(const std::string& path, const capfilt_report& report) {
  CHECK(get(path) == should().output);
  CHECK(to_json(report) == should().report);
  CHECK(get(path + ".run.json") == should().record);
  CHECK_FALSE(std::filesystem::exists(path + ".part"));
  CHECK_FALSE(std::filesystem::exists(path + ".run.json.part"));
}

// How a child that does f ends: its exit status, or minus the signal that ended it.
class child {
 public:
  template <class F>
  explicit child(F f) : id_(::fork()) {
    if (id_ != 0) return;
    try {
      f();
    } catch (const error&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  void kill() const { ::kill(id_, SIGKILL); }
  int end() const {
    int status = 0;
    ::waitpid(id_, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t id_;
};

// A run that dies when the captioner is called for the k-th time.
void die_at(const std::string& path, int k, const capfilt_options& o = small()) {
  const child c([&] {
    int calls = 0;
    filtered(path, o, [&](std::size_t) {
      if (++calls == k) ::raise(SIGKILL);
    });
  });
  REQUIRE(c.end() == -SIGKILL);
}

}  // namespace

TEST_CASE("capfilt: a run that is killed at any instants leaves the bytes of one that was not",
          "[train][capfilt][.kills]") {
  const temporary_folder all;
  std::mt19937 random(11);
  const auto slowly = [](const std::string& path, int threads, int batch) {
    capfilt_options o = small();
    o.decode.threads = threads, o.batch = batch;
    filtered(path, o, [](std::size_t n) { ::usleep(static_cast<useconds_t>(60 * n)); });
  };
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(child([&] { slowly(all / "undisturbed", 2, 8); }).end() == 0);
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun).count();
  int kills = 0;
  for (int runs = 0; kills < 60; ++runs) {
    const std::string path = all / ("run" + std::to_string(runs));
    for (int end = -SIGKILL; end != 0;) {
      const int threads = static_cast<int>(random() % 3), batch = 5 + static_cast<int>(random() % 7);
      const child c([&] { slowly(path, threads, batch); });
      ::usleep(static_cast<useconds_t>(random() % static_cast<unsigned>(took)));
      c.kill();
      end = c.end();
      REQUIRE((end == 0 || end == -SIGKILL));
      kills += end != 0;
      if (end != 0 && std::filesystem::exists(path)) CHECK(get(path) == should().output);  // whole or not there
    }
    check_is_undisturbed(path, filtered(path, small()));
  }
}

TEST_CASE("capfilt: killed in every batch, it repeats no more than what was not saved", "[train][capfilt][.kills]") {
  const temporary_folder all;
  for (int k = 1; k <= 38; k += 3) {  // two calls a batch
    const std::string path = all / std::to_string(k);
    die_at(path, k);
    std::uint64_t first = 1'000;
    capfilt_options o = small();
    o.progress = [&](const capfilt_report& r) { first = std::min(first, r.samples); };
    const capfilt_report report = filtered(path, o);
    CHECK(first == static_cast<std::uint64_t>((k - 1) / 2 / 4 * 32));
    check_is_undisturbed(path, report);
  }
}

TEST_CASE("capfilt: a stopped run is saved where it stands and goes on there", "[train][capfilt]") {
  const temporary_folder all;
  capfilt_report report;
  int runs = 0;
  for (; !report.finished() || report.total == 0; ++runs) {
    capfilt_options o = small();
    int batches = 0;
    o.stop = [&] { return ++batches > 3; };
    const std::uint64_t before = report.samples;
    o.progress = [&](const capfilt_report& r) { CHECK(r.samples >= before); };
    report = filtered(all / "a", o);
    CHECK(report.samples == std::min<std::uint64_t>(before + 24, 150));
  }
  CHECK(runs == 7);
  check_is_undisturbed(all / "a", report);
}

TEST_CASE("capfilt: what the models throw costs what was not saved", "[train][capfilt]") {
  const temporary_folder all;
  int calls = 0;
  const auto fails = [&](std::size_t) {
    if (++calls == 21) throw numeric_error({"a model", {}, {}, {}});
  };
  CHECK_THROWS_AS(filtered(all / "a", small(), fails), numeric_error);
  check_is_undisturbed(all / "a", filtered(all / "a", small()));
}

TEST_CASE("capfilt: a disk that is full ends the run, and it goes on when there is room", "[train][capfilt]") {
  const temporary_folder all;
  for (const rlim_t room : {0u, 3'000u, 9'000u, 14'000u}) {
    const std::string path = all / std::to_string(room);
    const child c([&] {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit most{room, room};
      ::setrlimit(RLIMIT_FSIZE, &most);
      filtered(path, small());
    });
    REQUIRE(c.end() == 1);
    CHECK_FALSE(std::filesystem::exists(path));
    check_is_undisturbed(path, filtered(path, small()));
  }
}

TEST_CASE("capfilt: a finished output is not made again, its report comes back", "[train][capfilt]") {
  const temporary_folder all;
  filtered(all / "a", small());
  const auto never = [](std::size_t) { FAIL("a model was asked"); };
  check_is_undisturbed(all / "a", filtered(all / "a", small(), never));
  check_is_undisturbed(all / "a", filtered(all / "a", small(earlier_output::is_resumed_if_sound), never));
  // Killed before it had its name.
  std::filesystem::rename(all / "a", all / "a.part");
  check_is_undisturbed(all / "a", filtered(all / "a", small(), never));
  // A replacement killed before it began.
  put(all / "a.part", "");
  check_is_undisturbed(all / "a", filtered(all / "a", small(), never));
  put(all / "a", should().output + " ");
  CHECK_THROWS_AS(filtered(all / "a", small()), format_error);
  check_is_undisturbed(all / "a", filtered(all / "a", small(earlier_output::is_resumed_if_sound)));
  std::filesystem::remove(all / "a.run.json");
  CHECK_THROWS_AS(filtered(all / "a", small()), format_error);
  CHECK_FALSE(std::filesystem::exists(all / "a.part"));
}

TEST_CASE("capfilt: an earlier output is refused or replaced, as one says", "[train][capfilt]") {
  const temporary_folder all;
  const auto refused = small(earlier_output::is_refused), replaced = small(earlier_output::is_replaced);
  die_at(all / "a", 20);
  CHECK_THROWS_AS(filtered(all / "a", refused), config_error);
  capfilt_options others = replaced;
  others.seed = 4;
  CHECK(filtered(all / "a", others).finished());  // whatever it was begun with
  CHECK_THROWS_AS(filtered(all / "a", refused), config_error);
  const std::string before = get(all / "a");
  die_at(all / "a", 20, replaced);
  CHECK(get(all / "a") == before);  // until there is another
  check_is_undisturbed(all / "a", filtered(all / "a", small()));
  put(all / "b.run.json", "anything");
  check_is_undisturbed(all / "b", filtered(all / "b", replaced));
}

TEST_CASE("capfilt: an output that was begun otherwise does not go on, and the first difference is named",
          "[train][capfilt]") {
  const temporary_folder all;
  capfilt_options o = small();
  o.facts = {{"weights", "a"}};
  die_at(all / "a", 20, o);
  const std::string part = get(all / "a.part"), record = get(all / "a.run.json");
  const auto refuses = [&](const char* name, auto change) {
    for (const auto how : {earlier_output::is_resumed, earlier_output::is_resumed_if_sound}) {
      capfilt_options other = o;
      other.earlier = how;
      change(other);
      CHECK_THROWS_WITH(filtered(all / "a", other), Catch::Contains(std::string("begun with another ") + name));
    }
  };
  refuses("captions", [](auto& x) { x.captions = 1, x.threshold = 0.5f; });
  refuses("examples", [](auto& x) { x.examples = 4; });
  refuses("filter", [](auto& x) { x.filter = false; });
  refuses("keep", [](auto& x) { x.keep = text_set::web; });
  refuses("seed", [](auto& x) { x.seed = 1; });
  refuses("texts", [](auto& x) { x.texts = text_set::synthetic; });
  refuses("threshold", [](auto& x) { x.threshold = 0.41f; });
  refuses("weights", [](auto& x) { x.facts = {{"weights", "b"}}; });
  CHECK_THROWS_WITH(capfilt(numbered_pairs{151}, fake_captioner{}, fake_matcher{}, o, all / "a"),
                    Catch::Contains("begun with another samples"));
  CHECK(get(all / "a.part") == part);
  CHECK(get(all / "a.run.json") == record);
}

TEST_CASE("capfilt: a record or an output that is damaged is an error or begins anew, never a wrong output",
          "[train][capfilt]") {
  const temporary_folder all;
  die_at(all / "a", 32);
  const std::string part = get(all / "a.part"), record = get(all / "a.run.json");
  const std::size_t sound = static_cast<std::size_t>(std::stoull(record.substr(record.find("\"bytes\":") + 8)));
  REQUIRE((sound > 1'000 && part.size() > sound));
  int damaged = 0;
  const auto refuses = [&](const std::string& p, const std::string& r, bool anew) {
    std::filesystem::remove(all / "a.part"), std::filesystem::remove(all / "a.run.json");
    put(all / "a.part", p), put(all / "a.run.json", r);
    CHECK_THROWS_AS(filtered(all / "a", small()), format_error);
    CHECK_FALSE(std::filesystem::exists(all / "a"));
    CHECK((get(all / "a.part") == p && get(all / "a.run.json") == r));
    if (anew) check_is_undisturbed(all / "a", filtered(all / "a", small(earlier_output::is_resumed_if_sound)));
    std::filesystem::remove(all / "a");
    ++damaged;
  };
  const auto flipped = [](std::string text, std::size_t at, int bit) {
    text[at] = static_cast<char>(text[at] ^ (1 << bit));
    return text;
  };
  for (std::size_t n = 0; n < record.size(); n += 13) refuses(part, record.substr(0, n), n % 1300 == 0);
  for (std::size_t n = 0; n < record.size(); n += 7)
    refuses(part, flipped(record, n, static_cast<int>(n % 8)), n % 2002 == 0);
  for (std::size_t n = 0; n < sound; n += 61) refuses(part.substr(0, n), record, n % 3050 == 0);
  for (std::size_t n = 0; n < sound; n += 53) refuses(flipped(part, n, static_cast<int>(n % 8)), record, n % 3180 == 0);
  CHECK(damaged > 500);

  // A record that was made up, with a CRC-32C that fits.
  for (const auto& [is, other] :
       {std::pair("\"samples\":96,\"lines\"", "\"samples\":196,\"lines\""),
        std::pair("\"finished\":false", "\"finished\":true"), std::pair("\"histogram\":[", "\"histogram\":[1,"),
        std::pair("\"surest_kept\":[", "\"surest_kept\":[7,"), std::pair("\"seen\":", "\"seen\":-"),
        std::pair("\"format\":1", "\"format\":2")}) {
    std::string body = record.substr(0, record.find_last_of(','));
    REQUIRE(body.find(is) != std::string::npos);
    body.replace(body.find(is), std::string(is).size(), other);
    refuses(part, body + detail::manifest_end(body), false);
  }

  std::filesystem::remove(all / "a.part"), put(all / "a.run.json", record);
  CHECK_THROWS_AS(filtered(all / "a", small()), format_error);
  CHECK_FALSE(std::filesystem::exists(all / "a.part"));
  put(all / "a.part", part), std::filesystem::remove(all / "a.run.json");
  CHECK_THROWS_AS(filtered(all / "a", small()), format_error);
  // Damage behind what is sound is no damage: half a line, or what was on the disk before.
  put(all / "a.part", part.substr(0, sound) + "{\"ima" + std::string(100, '\0')), put(all / "a.run.json", record);
  put(all / "a.run.json.part", "half a rec");
  check_is_undisturbed(all / "a", filtered(all / "a", small()));
}

TEST_CASE("capfilt: two processes do not write one output", "[train][capfilt]") {
  const temporary_folder all;
  const auto meanwhile = [&, done = false](std::size_t) mutable {
    if (std::exchange(done, true)) return;
    for (const auto how :
         {earlier_output::is_resumed, earlier_output::is_resumed_if_sound, earlier_output::is_replaced})
      CHECK_THROWS_WITH(filtered(all / "a", small(how)), Catch::Contains("another process is writing this output"));
  };
  check_is_undisturbed(all / "a", filtered(all / "a", small(), meanwhile));
}
