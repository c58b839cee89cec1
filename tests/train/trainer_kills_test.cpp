// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <random>

#include "blip/train/stop_signal.hpp"
#include "support/catch.hpp"
#include "train/tiny_run.hpp"

using namespace blip;
using namespace blip_test;

namespace {

constexpr std::int64_t all_steps = 60, every = 6;
constexpr int was_stopped = 75;

// A process of this program that trains into a folder (see the last test case).
class child {
 public:
  child(const std::string& folder, const std::string& family, int threads, bool forever = false) {
    ::setenv("BLIP_RUN", folder.c_str(), 1), ::setenv("BLIP_RUN_FAMILY", family.c_str(), 1);
    ::setenv("BLIP_RUN_THREADS", std::to_string(threads).c_str(), 1);
    ::setenv("BLIP_RUN_STEPS", std::to_string(forever ? 1'000'000 : all_steps).c_str(), 1);
    posix_spawn_file_actions_t quiet;
    ::posix_spawn_file_actions_init(&quiet);
    ::posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const char* const arguments[] = {"trainer", "trainer: a process of its own", nullptr};
    REQUIRE(::posix_spawn(&id_, "/proc/self/exe", &quiet, nullptr, const_cast<char* const*>(arguments), environ) == 0);
    ::posix_spawn_file_actions_destroy(&quiet);
  }
  void signal(int number) const { ::kill(id_, number); }
  // Its exit status, or minus the signal that ended it.
  int end() const {
    int status = 0;
    ::waitpid(id_, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t id_ = 0;
};

std::int64_t last_step(const std::vector<std::string>& log) {
  return log.empty() ? 0 : std::atoll(log.back().c_str() + std::string("{\"step\":").size());
}
void wait_for_step(const std::string& folder, std::int64_t step) {
  for (int i = 0; i < 20'000 && last_step(log_lines(folder)) < step; ++i) ::usleep(1'000);
}

void check_is(const std::string& folder, const std::string& undisturbed) {
  CHECK(log_lines(folder) == log_lines(undisturbed));
  const auto is = saved(folder, all_steps), should = saved(undisturbed, all_steps);
  CHECK(is.size() == should.size());
  for (const auto& [name, bytes] : should) {
    CAPTURE(name);
    CHECK((is.count(name) == 1 && is.at(name) == bytes));
  }
}

}  // namespace

TEST_CASE("trainer: a run that is killed at any instants has the bits of one that was not", "[train][.kills]") {
  const temporary_folder all;
  std::mt19937 random(7);
  int kills = 0, runs = 0, lost = 0;
  for (const std::string family : {"blip", "albef"}) {
    const std::string undisturbed = all / family;
    const auto begun = std::chrono::steady_clock::now();
    REQUIRE(child(undisturbed, family, 1).end() == 0);
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun).count();
    REQUIRE(log_lines(undisturbed).size() == all_steps);
    const std::string two_threads = all / (family + "2");
    REQUIRE(child(two_threads, family, 2).end() == 0);
    check_is(two_threads, undisturbed);

    for (const int enough = kills + 25; kills < enough; ++runs) {
      const std::string folder = all / ("run" + std::to_string(runs));
      for (bool done = false; !done;) {
        const child c(folder, family, 1 + static_cast<int>(random() % 2));  // threads change on the way
        ::usleep(static_cast<useconds_t>(random() % static_cast<unsigned>(took / 2)));
        c.signal(SIGKILL);
        const int end = c.end();
        done = end == 0;
        if (done) break;
        REQUIRE(end == -SIGKILL);
        ++kills;
        const auto found = std::filesystem::exists(folder + "/checkpoints")
                               ? newest_checkpoint<>(folder + "/checkpoints")
                               : std::nullopt;
        const std::int64_t made = std::filesystem::exists(folder + "/log.jsonl") ? last_step(log_lines(folder)) : 0;
        const std::int64_t kept = found ? found->step() : 0;
        REQUIRE(made - kept <= every);
        lost += made > kept;
      }
      check_is(folder, undisturbed);
    }
  }
  CHECK(kills >= 50);
  CHECK(lost > 0);
}

TEST_CASE("trainer: SIGTERM and SIGINT save and end the process in order", "[train][.kills]") {
  const temporary_folder all;
  const std::string undisturbed = all / "undisturbed";
  REQUIRE(child(undisturbed, "blip", 1).end() == 0);
  for (const int number : {SIGTERM, SIGINT}) {
    const std::string folder = all / std::to_string(number);
    const child c(folder, "blip", 2, true);
    wait_for_step(folder, 10);
    c.signal(number);
    REQUIRE(c.end() == was_stopped);
    const auto found = newest_checkpoint<>(folder + "/checkpoints");
    REQUIRE(found);
    CHECK(found->step() == last_step(log_lines(folder)));  // nothing is lost
    if (found->step() >= all_steps) continue;                  // a slow signal
    REQUIRE(child(folder, "blip", 1).end() == 0);
    check_is(folder, undisturbed);
  }
}

TEST_CASE("trainer: a process of its own", "[.]") {
  const char* const folder = std::getenv("BLIP_RUN");
  if (!folder) return;
  ::signal(SIGTERM, SIG_DFL), ::signal(SIGINT, SIG_DFL);  // Catch has handlers of its own
  const stop_signal stop;
  trainer_options o = tiny_options(std::atoll(std::getenv("BLIP_RUN_STEPS")));
  o.checkpoint_every = every;
  o.stop = [&] { return stop.requested(); };
  const int threads = std::atoi(std::getenv("BLIP_RUN_THREADS"));
  const auto result = std::string(std::getenv("BLIP_RUN_FAMILY")) == "blip"
                          ? train_tiny<blip_model<cpu>>(folder, o, threads)
                          : train_tiny<albef_model<cpu>>(folder, o, threads);
  if (result.end == run_end::stopped) ::_exit(was_stopped);
}
