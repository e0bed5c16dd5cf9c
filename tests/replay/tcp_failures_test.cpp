// Jobs over TCP that do not come about, or lose a rank.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>

#include "replay/group.hpp"
#include "replay/tcp_jobs.hpp"

namespace ppsim::test::tcp_failures_test {
namespace {

// When all are in the job: what goes wrong before is said otherwise.
void meet(Job& job) {
  Group(job.transport(), kPatience).barrier();
}

auto count_lines(const std::string& lines) {
  return std::count(lines.begin(), lines.end(), '\n');
}

constexpr Time kShort{300'000'000};

void nothing(Job&) {}

void wait_for_ever(Job& job) {
  std::byte none{};
  job.transport().receive(job.transport().rank() == Rank{0} ? Rank{1} : Rank{0}, 1, {&none, 1}, 0);
  (void)job.transport().wait(clock_now() + kPatience);
  throw ReplayError("nothing came");
}

TEST_CASE("ranks that do not start are named by rank 0, and the others are quiet") {
  std::vector<Launched> ranks = launch(5);
  ranks.erase(ranks.begin() + 3, ranks.end());
  CHECK(
      run_tcp_threads(ranks, nothing, kShort) ==
      joined({"rank 0: not all ranks have started within 0.3 s: ranks 3, 4 are missing", "quiet", "quiet"}));
  ranks = launch(3);
  ranks.erase(ranks.begin() + 1);
  CHECK(run_tcp_threads(ranks, nothing, kShort) ==
        joined({"rank 0: not all ranks have started within 0.3 s: rank 1 is missing", "quiet"}));
}

TEST_CASE("a rank that does not find rank 0 says where it looked") {
  std::vector<Launched> ranks = launch(2);
  ranks.erase(ranks.begin());
  const std::string lines = run_tcp_threads(ranks, nothing, kShort);
  CHECK(lines == "rank 1: rank 0 does not answer at 127.0.0.1:" + std::to_string(ranks[0].port) +
                     " within 0.3 s (Connection refused)\n");
}

TEST_CASE("a name that no machine has is named") {
  std::vector<Launched> ranks = launch(2);
  ranks.erase(ranks.begin());
  ranks[0].address = "no machine";
  const std::string line = run_tcp_threads(ranks, nothing, kShort);
  CHECK(line.starts_with("rank 1: rank 0 does not answer at no machine:"));
}

TEST_CASE("ranks that were told of different sizes end at once") {
  std::vector<Launched> ranks = launch(3);
  ranks[2].size = 4;
  CHECK(run_tcp_threads(ranks, nothing) ==
        joined(
            {"rank 0: rank 2 was told of 4 ranks, and rank 0 of 3: expected the same everywhere (WORLD_SIZE)",
             "quiet", "quiet"}));
}

TEST_CASE("a rank that comes twice ends the job") {
  std::vector<Launched> ranks = launch(3);
  ranks[2].rank = Rank{1};
  CHECK(run_tcp_threads(ranks, nothing) ==
        joined({"rank 0: two processes say that they are rank 1: expected each rank once (RANK)", "quiet",
                "quiet"}));
}

TEST_CASE("a port that another program holds is named") {
  PlainSocket other;
  std::vector<Launched> ranks = launch(2);
  ranks.pop_back();
  ranks[0].port = other.listen_anywhere();
  CHECK(run_tcp_threads(ranks, nothing) ==
        "rank 0: cannot listen at 127.0.0.1:" + std::to_string(ranks[0].port) +
            ": Address already in use: expected a port that is free (MASTER_PORT)\n");
}

TEST_CASE("a program at that port that is not rank 0 is not waited for for ever") {
  PlainSocket other;
  std::vector<Launched> ranks = launch(2);
  ranks.erase(ranks.begin());
  ranks[0].port = other.listen_anywhere();  // takes calls, and says nothing
  CHECK(run_tcp_threads(ranks, nothing, kShort) ==
        "rank 1: rank 0 does not answer at 127.0.0.1:" + std::to_string(ranks[0].port) + " within 0.3 s\n");
}

TEST_CASE("strangers that call, and say nothing or something else, are no ranks") {
  const std::vector<Launched> ranks = launch(3);
  std::vector<Launched> late = {ranks[1], ranks[2]};
  std::string results;
  std::thread first([&] { results = run_tcp_threads({ranks[0]}, nothing); });
  PlainSocket silent, loud;
  // Not too often: the kernel may pick that very port for the side that calls.
  while (!silent.connects(ranks[0].port)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  REQUIRE(loud.connects(ranks[0].port));
  const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(200, 'x');
  REQUIRE(send(loud.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
  char byte = 0;
  CHECK(recv(loud.descriptor(), &byte, 1, 0) <= 0);  // closed
  CHECK(run_tcp_threads(late, nothing) == "\n\n");
  first.join();
  CHECK(results == "\n");
}

TEST_CASE("a signal ends who waits for others to start, and rank 0 says it") {
  volatile std::sig_atomic_t signal = 0;
  std::vector<Launched> ranks = launch(4);
  ranks.pop_back();
  std::string results;
  std::thread job([&] { results = run_tcp_threads(ranks, nothing, kPatience, &signal); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  signal = SIGTERM;
  job.join();
  const std::string lines = "0: ended by signal 15 (Terminated) before all ranks had started\nquiet\nquiet\n";
  // Rank 0 hears of it, or sees it by itself.
  CHECK(results.starts_with("rank "));
  CHECK(results.ends_with(lines.substr(1)));
}

TEST_CASE("a signal ends a rank in the job") {
  volatile std::sig_atomic_t signal = 0;
  std::atomic<int> met = 0;
  const std::string results = run_tcp_threads(
      launch(2),
      [&](Job& job) {
        for (++met; met < 2;) std::this_thread::yield();
        signal = SIGTERM;
        (void)job.transport().poll();
      },
      kPatience, &signal);
  CHECK(results == "ended by signal 15 (Terminated)\nended by signal 15 (Terminated)\n");
}

TEST_CASE("a rank that ends without a word is missed at once, and one line says so") {
  const Ended ended = run_tcp_processes(4, [](Job& job) {
    meet(job);
    if (job.transport().rank() == Rank{2}) raise(SIGKILL);
    wait_for_ever(job);
  });
  CHECK(count_lines(ended.lines) == 1);
  CHECK(ended.lines.find(": rank 2 has gone: its process has ended, or cannot be reached") !=
        std::string::npos);
  CHECK(ended.codes == "1 1 -9 1 ");
}

TEST_CASE("where rank 0 ends without a word the lowest that is left says so") {
  const Ended ended = run_tcp_processes(4, [](Job& job) {
    meet(job);
    if (job.transport().rank() == Rank{0}) raise(SIGKILL);
    wait_for_ever(job);
  });
  CHECK(count_lines(ended.lines) == 1);
  CHECK(ended.lines.find(": rank 0 has gone: its process has ended, or cannot be reached") !=
        std::string::npos);
  CHECK(ended.codes == "-9 1 1 1 ");
}

TEST_CASE("where rank 0 ends while the others wait for its end, one says so") {
  const Ended ended = run_tcp_processes(3, [](Job& job) {
    meet(job);
    if (job.transport().rank() != Rank{0}) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    raise(SIGKILL);
  });
  CHECK(ended.lines == joined({"rank 1: rank 0 has gone before the end of the job"}));
  CHECK(ended.codes == "-9 1 1 ");
}

TEST_CASE("a rank that fails by itself has its line said once, and ends all") {
  const Ended ended = run_tcp_processes(4, [](Job& job) {
    meet(job);
    if (job.transport().rank() == Rank{3}) throw ReplayError("rank 3: no more");
    wait_for_ever(job);
  });
  CHECK(ended.lines == joined({"rank 3: no more"}));
  CHECK(ended.codes == "1 1 1 1 ");
}

TEST_CASE("ranks that fail all at once say one line") {
  const Ended ended = run_tcp_processes(
      6, [](Job& job) { throw ReplayError("rank " + std::to_string(index(job.transport().rank()))); });
  CHECK(count_lines(ended.lines) == 1);
  CHECK(ended.codes == "1 1 1 1 1 1 ");
}

TEST_CASE("a rank that fails amid a large message ends all at once") {
  const Time begin = clock_now();
  const Ended ended = run_tcp_processes(3, [](Job& job) {
    meet(job);
    const std::vector<std::byte> large(64'000'000);
    if (job.transport().rank() == Rank{1}) {
      job.transport().send(Rank{0}, 2, large, 0);
      job.transport().send(Rank{2}, 2, large, 1);
      throw ReplayError("rank 1: no more");
    }
    wait_for_ever(job);
  });
  CHECK(ended.lines == joined({"rank 1: no more"}));
  CHECK(ended.codes == "1 1 1 ");
  CHECK(clock_now() - begin < Time(2'000'000'000));
}

}  // namespace
}  // namespace ppsim::test::tcp_failures_test
