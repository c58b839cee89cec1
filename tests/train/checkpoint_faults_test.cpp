// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>

#include <chrono>
#include <functional>

#include "blip/train/checkpoint_store.hpp"
#include "support/catch.hpp"
#include "train/faulty_files.hpp"
#include "train/lossy_disk.hpp"
#include "train/run_content.hpp"
#include "support/temporary_folder.hpp"

using namespace blip;
using namespace blip_test;

namespace {

using fault = faulty_files::fault;

// A store with some history, and the save that something happens to: the first one, one that prunes, one of a step that
// is there already.
struct scenario {
  const char* name;
  std::vector<std::int64_t> history;
  std::int64_t step;
};
const std::vector<scenario> scenarios{{"first", {}, 5}, {"prunes", {3, 4}, 5}, {"again", {3, 5}, 5}};
constexpr checkpoint_options options{.keep = 1, .block_bytes = 64};

std::string prepare(const temporary_folder& run, const scenario& s) {
  const std::string folder = run / "checkpoints";
  std::filesystem::remove_all(folder);
  checkpoint_store<unsynced_files> store(folder, options);
  for (const auto step : s.history) save(store, step);
  return folder;
}

// Something right is there if anything was, nothing needs a hand, and the next save works.
void check_survived(const std::string& folder, const scenario& s) {
  checkpoint_store<unsynced_files> store(folder, options);
  for (const auto& e : std::filesystem::directory_iterator(folder))
    CHECK(e.path().filename().string().find(".tmp-") == std::string::npos);
  const auto found = store.newest();
  CHECK(found.has_value() >= !s.history.empty());
  if (found) {
    CHECK((found->step() == s.step || found->step() == s.history.back()));
    CHECK(is_right(*found));
  }
  save(store, 6);
  CHECK(store.newest()->step() == 6);
  CHECK(is_right(*store.newest()));
  CHECK(std::distance(std::filesystem::directory_iterator(folder), {}) == 2);  // LATEST and the only one to keep
}

int in_child(const std::function<void()>& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      f();
    } catch (...) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace

TEST_CASE("checkpoint_store: survives a death after any file operation", "[train]") {
  for (const auto& s : scenarios) {
    const temporary_folder run;
    long k = 0;
    for (int status = 42; status == 42;) {
      const std::string folder = prepare(run, s);
      faulty_files files;
      files.shared->what = fault::die, files.shared->at = ++k;
      status = in_child([&] {
        checkpoint_store<faulty_files> store(folder, options, files);
        save(store, s.step);
      });
      CAPTURE(s.name, k, status);
      REQUIRE((status == 42 || status == 0));
      check_survived(folder, s);
    }
    CHECK(k > 40);
  }
}

TEST_CASE("checkpoint_store: a failure of any file operation is an io_error and leaves the checkpoints", "[train]") {
  struct case_of {
    fault what;
    int error;
  };
  for (const auto& s : scenarios)
    for (const auto& [what, error] : {case_of{fault::fail, EIO}, case_of{fault::fail, ENOSPC},
                                      case_of{fault::half_then_full, 0}, case_of{fault::no_progress, 0}}) {
      const temporary_folder run;
      for (long k = 1;; ++k) {
        const std::string folder = prepare(run, s);
        CAPTURE(s.name, k, error);
        faulty_files files;
        {
          checkpoint_store<faulty_files> store(folder, options, files);
          *files.shared = {.what = what, .at = k, .error = error, .only_read = files.shared->only_read};
          bool failed = false;
          try {
            save(store, s.step);
          } catch (const io_error& e) {
            failed = !e.hint().empty() && e.hint() != std::strerror(0);
          }
          const bool done = files.shared->done < k, reached = files.shared->hit;
          *files.shared = {};
          CHECK(failed == reached);
          const auto found = store.newest();
          CHECK(found.has_value() >= !s.history.empty());
          if (found) CHECK(is_right(*found));
          save(store, s.step);  // the same store goes on
          CHECK(store.newest()->step() == s.step);
          CHECK(is_right(*store.newest()));
          if (done) break;
        }
        check_survived(folder, s);
      }
    }
}

TEST_CASE("checkpoint_store: opening may fail at any file operation and harms nothing", "[train]") {
  const scenario s = scenarios[1];
  const temporary_folder run;
  for (long k = 1;; ++k) {
    const std::string folder = prepare(run, s);
    std::filesystem::create_directory(folder + "/step-9.tmp-1");
    faulty_files files;
    *files.shared = {.what = fault::fail, .at = k, .error = EIO};
    try {
      const checkpoint_store<faulty_files> store(folder, options, files);
    } catch (const io_error&) {
    }
    check_survived(folder, s);
    if (files.shared->done < k) break;
  }
}

TEST_CASE("checkpoint_store: bytes that do not read back as they were written are not saved", "[train]") {
  const temporary_folder run;
  int refused = 0;
  for (long k = 1;; ++k) {
    const std::string folder = prepare(run, scenarios[1]);
    faulty_files files;
    checkpoint_store<faulty_files> store(folder, options, files);
    *files.shared = {.what = fault::flip, .at = k, .only_read = files.shared->only_read};
    bool failed = false;
    try {
      save(store, 5);
    } catch (const format_error& e) {
      failed = true;
      CHECK(e.where().find(" is damaged") != std::string::npos);
    }
    refused += failed;
    REQUIRE(store.newest());  // a wrong LATEST is the one that may slip through
    CHECK(store.newest()->step() == (failed ? 4 : 5));
    CHECK(is_right(*store.newest()));
    if (files.shared->done < k) break;
  }
  CHECK(refused == 7);  // three blocks of each of two files, and the manifest
}

TEST_CASE("checkpoint_store: interruptions and short reads and writes are no failures", "[train]") {
  for (const fault what : {fault::interrupt, fault::half}) {
    const temporary_folder run;
    for (long k = 1;; ++k) {
      const std::string folder = prepare(run, scenarios[0]);
      faulty_files files;
      *files.shared = {.what = what, .at = k};
      checkpoint_store<faulty_files> store(folder, options, files);
      save(store, 5);
      REQUIRE(is_right(*store.newest()));
      if (files.shared->done < k) break;
    }
  }
}

TEST_CASE("checkpoint_store: survives the loss of power after any file operation", "[train]") {
  constexpr std::size_t bytes = 10'000;
  constexpr checkpoint_options larger{.keep = 1, .block_bytes = 3000};
  const std::int64_t steps[] = {1, 2, 2, 5, 3};  // at last wound back: 5 stays, and LATEST has to be right
  long k = 0;
  for (bool finished = false; !finished;) {
    lossy_disk disk;
    disk.lose_power_after(++k);
    std::int64_t begun = 0, saved = 0;
    try {
      checkpoint_store<lossy_disk> store("run/checkpoints", larger, disk);
      for (const auto step : steps) {
        begun = step;
        save(store, step, bytes);
        saved = step;
      }
    } catch (const io_error&) {
      REQUIRE(disk.off());
    }
    finished = !disk.off();
    for (const auto l : lossy_disk::losses) {
      const lossy_disk after = disk.restarted(l);
      CAPTURE(k, static_cast<int>(l), begun, saved);
      checkpoint_store<lossy_disk> store("run/checkpoints", larger, after);
      const auto found = store.newest();
      const std::int64_t step = found ? found->step() : 0;
      REQUIRE((step == saved || step == begun));
      if (found) REQUIRE(is_right(*found, bytes));
      save(store, 9, bytes);
      REQUIRE(store.newest()->step() == 9);
      REQUIRE(is_right(*store.newest(), bytes));
    }
  }
  CHECK(k > 150);
}

TEST_CASE("checkpoint_store: survives being killed at any instant", "[train][.kills]") {
  const temporary_folder run;
  const std::string folder = run / "checkpoints";
  std::mt19937 random(1);
  std::int64_t reached = 0;
  useconds_t longest = 5'000;  // three saves on this disk, in microseconds
  {
    checkpoint_store store(run / "measured", {.keep = 2, .block_bytes = 1000});
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) save(store, i, 20'000);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    longest = std::clamp<useconds_t>(static_cast<useconds_t>(took.count()), longest, 300'000);
  }
  // A busy machine may be killed before it saved anything, many times over: then there are more kills.
  for (int kill = 0; kill < 50 || (reached <= 3 && kill < 500); ++kill) {
    int told[2];
    REQUIRE(::pipe(told) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        checkpoint_store store(folder, {.keep = 2, .block_bytes = 1000});
        const auto from = store.newest();
        for (std::int64_t step = from ? from->step() + 1 : 1;; ++step) {
          save(store, step, 20'000);
          if (::write(told[1], &step, sizeof step) != sizeof step) ::_exit(1);
        }
      } catch (...) {
        ::_exit(1);
      }
    }
    ::close(told[1]);
    ::usleep(static_cast<useconds_t>(random() % longest));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    std::int64_t saved = reached;
    while (::read(told[0], &saved, sizeof saved) == sizeof saved) {
    }
    ::close(told[0]);
    const auto found = std::filesystem::exists(folder) ? newest_checkpoint<>(folder) : std::nullopt;
    reached = found ? found->step() : 0;
    REQUIRE(reached >= saved);
    REQUIRE(reached <= saved + 1);
    if (found) REQUIRE(is_right(*found, 20'000));
  }
  CHECK(reached > 3);
}
