// SPDX-License-Identifier: Apache-2.0
#include "blip/train/stop_signal.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"

using namespace blip;

namespace {

// How a child that does f ends: its exit status, or minus the signal that ended it.
template <class F>
int end_of(F f) {
  const pid_t child = ::fork();
  if (child == 0) {
    // Catch has handlers of its own, which a program has not.
    ::signal(SIGTERM, SIG_DFL), ::signal(SIGINT, SIG_DFL);
    ::_exit(f());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("stop_signal: the first signal is a flag", "[train]") {
  for (const int number : {SIGTERM, SIGINT})
    CHECK(end_of([&] {
            const stop_signal stop;
            if (stop.requested()) return 1;
            ::raise(number);
            return stop.requested() && stop.number() == number ? 0 : 2;
          }) == 0);
}

TEST_CASE("stop_signal: the second one ends the process, whichever it is", "[train]") {
  for (const int first : {SIGTERM, SIGINT})
    for (const int second : {SIGTERM, SIGINT})
      CHECK(end_of([&] {
              const stop_signal stop;
              ::raise(first);
              ::raise(second);
              return 0;
            }) == -second);
}

TEST_CASE("stop_signal: leaves everything as it was", "[train]") {
  CHECK(end_of([] {
          { const stop_signal stop; }
          ::raise(SIGINT);
          return 0;
        }) == -SIGINT);
  CHECK(end_of([] {
          {
            const stop_signal stop;
            ::raise(SIGINT);
          }
          const stop_signal again;  // a new one starts without a request
          return again.requested() ? 1 : 0;
        }) == 0);
}

TEST_CASE("stop_signal: what was ignored stays ignored", "[train]") {
  CHECK(end_of([] {
          ::signal(SIGINT, SIG_IGN);
          {
            const stop_signal stop;
            ::raise(SIGINT);
            if (stop.requested()) return 1;
          }
          ::raise(SIGINT);
          return 0;
        }) == 0);
}

TEST_CASE("stop_signal: a signal does not cut a read short", "[train]") {
  CHECK(end_of([] {
          const stop_signal stop;
          int ends[2];
          if (::pipe(ends) != 0) return 1;
          const pid_t parent = ::getpid();
          if (::fork() == 0) {
            ::usleep(20'000);
            ::kill(parent, SIGTERM);
            ::usleep(20'000);
            ::_exit(::write(ends[1], "x", 1) == 1 ? 0 : 1);
          }
          char c = 0;
          if (::read(ends[0], &c, 1) != 1 || c != 'x') return 2;
          return stop.requested() ? 0 : 3;
        }) == 0);
}

TEST_CASE("stop_signal: one at a time", "[train]") {
  const stop_signal stop;
  CHECK_THROWS_AS(stop_signal(), config_error);
}
