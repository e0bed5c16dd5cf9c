// Messages between ranks that are connected by TCP, as threads of the test.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <random>

#include "replay/group.hpp"
#include "replay/tcp_jobs.hpp"

namespace ppsim::test::tcp_test {
namespace {

using Content = std::vector<std::byte>;

// The n-th message from a rank to another with a tag: other bytes than any other's.
Content content_of(Rank from, Rank to, Tag tag, std::size_t n, std::size_t length) {
  std::uint64_t state = index(from) * 1'000'003 + index(to) * 10'007 + tag * 101 + n + 1;
  Content bytes(length);
  for (std::size_t at = 0; at < length; at += sizeof(state)) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    std::memcpy(bytes.data() + at, &state, std::min(sizeof(state), length - at));
  }
  return bytes;
}

void wait_for_all(Transport& transport, std::size_t tickets) {
  for (std::size_t i = 0; i < tickets; ++i) {
    if (!transport.wait(clock_now() + kPatience)) throw ReplayError("a message does not come");
  }
}

// Frames are 16 bytes, and the stage takes 65536.
constexpr std::size_t kLengths[] = {0, 1, 15, 16, 17, 100, 4096, 65519, 65520, 65521, 65536, 65537, 300'000};

struct Planned {
  Rank from, to;
  Tag tag;
  std::size_t n, length;  // n: among those of this tag
};

// The same on every rank: what goes from each to each, in the order of sending.
std::vector<Planned> plan_messages(std::uint32_t ranks, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::map<std::tuple<Rank, Rank, Tag>, std::size_t> counts;
  std::vector<Planned> plan;
  for (int i = 0; i < 400; ++i) {
    const Rank from{static_cast<std::uint32_t>(random() % ranks)};
    const Rank to{static_cast<std::uint32_t>(random() % ranks)};  // itself, too
    const auto tag = static_cast<Tag>(random() % 4);
    plan.push_back({from, to, tag, counts[{from, to, tag}]++, kLengths[random() % std::size(kLengths)]});
  }
  return plan;
}

// Those of one tag stay in order; tags come in another order than they are sent in.
void shuffle_tags(std::vector<Planned>& plan, std::mt19937& random) {
  std::map<Tag, std::uint32_t> places;
  for (Tag tag = 0; tag < 4; ++tag) places[tag] = static_cast<std::uint32_t>(random());
  std::stable_sort(plan.begin(), plan.end(),
                   [&](const Planned& a, const Planned& b) { return places[a.tag] < places[b.tag]; });
}

std::size_t count_wrong(Transport& transport, std::vector<Planned> plan, std::uint32_t seed) {
  const Rank own = transport.rank();
  std::mt19937 random(seed + static_cast<std::uint32_t>(own));
  std::vector<Planned> sends, receives;
  for (const Planned& one : plan) {
    if (one.from == own) sends.push_back(one);
    if (one.to == own) receives.push_back(one);
  }
  shuffle_tags(receives, random);
  std::vector<Content> sent, received(receives.size());
  for (const Planned& one : sends) sent.push_back(content_of(one.from, one.to, one.tag, one.n, one.length));
  // Now a send, now a receive, now a look; so that some receives are early and some late.
  std::size_t next_send = 0, next_receive = 0, ended = 0;
  while (next_send < sends.size() || next_receive < receives.size()) {
    if (random() % 2 == 0 && next_send < sends.size()) {
      transport.send(sends[next_send].to, sends[next_send].tag, sent[next_send], next_send);
      ++next_send;
    } else if (next_receive < receives.size()) {
      const Planned& one = receives[next_receive];
      received[next_receive].resize(one.length);
      transport.receive(one.from, one.tag, received[next_receive], sends.size() + next_receive);
      ++next_receive;
    }
    if (random() % 4 == 0 && transport.poll()) ++ended;
  }
  wait_for_all(transport, sends.size() + receives.size() - ended);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < receives.size(); ++i) {
    const Planned& one = receives[i];
    if (received[i] != content_of(one.from, one.to, one.tag, one.n, one.length)) ++wrong;
  }
  return wrong;
}

TEST_CASE("random messages between four ranks arrive whole, each at its own receive") {
  for (const std::uint32_t seed : {1U, 2U, 3U}) {
    const std::vector<Planned> plan = plan_messages(4, seed);
    std::atomic<std::size_t> wrong = 0;
    const auto results =
        run_tcp_threads(launch(4), [&](Job& job) { wrong += count_wrong(job.transport(), plan, seed); });
    CHECK(results == "\n\n\n\n");
    CHECK(wrong == 0);
  }
}

TEST_CASE("32 MB go both ways at once, whether they are waited for or not") {
  constexpr std::size_t kLength = 32'000'000;
  for (const bool is_early : {true, false}) {
    std::atomic<std::size_t> wrong = 0;
    const auto results = run_tcp_threads(launch(2), [&](Job& job) {
      Transport& transport = job.transport();
      const Rank own = transport.rank(), other{own == Rank{0} ? 1U : 0U};
      const Content sent = content_of(own, other, 7, 0, kLength);
      Content received(kLength);
      if (is_early) transport.receive(other, 7, received, 1);
      transport.send(other, 7, sent, 2);
      std::size_t ended = 0;
      // Some of it is here before it is asked for.
      for (int i = 0; !is_early && i < 3; ++i) ended += transport.wait(clock_now() + Time(1'000'000)) ? 1 : 0;
      if (!is_early) transport.receive(other, 7, received, 1);
      wait_for_all(transport, 2 - ended);
      if (received != content_of(other, own, 7, 0, kLength)) ++wrong;
    });
    CHECK(results == "\n\n");
    CHECK(wrong == 0);
  }
}

TEST_CASE("a message that is not as long as its receive is refused") {
  for (const bool is_early : {true, false}) {
    const auto results = run_tcp_threads(launch(2), [&](Job& job) {
      Transport& transport = job.transport();
      Content bytes(8);
      if (transport.rank() == Rank{0}) {
        transport.send(Rank{1}, 3, bytes, 0);
        return;
      }
      Content longer(9);
      if (!is_early) (void)transport.wait(clock_now() + kPatience / 100);
      transport.receive(Rank{0}, 3, longer, 0);
      (void)transport.wait(clock_now() + kPatience);
    });
    CHECK(results == joined({"", "rank 1: a message of rank 0 (tag 3) has 8 bytes: expected 9"}));
  }
}

TEST_CASE("a rank alone has no connections, and may send to itself") {
  const auto results = run_tcp_threads({{}}, [](Job& job) {
    Transport& transport = job.transport();
    CHECK(transport.size() == 1);
    const Content sent = content_of(Rank{0}, Rank{0}, 1, 0, 10);
    Content received(10);
    transport.send(Rank{0}, 1, sent, 0);
    transport.receive(Rank{0}, 1, received, 1);
    wait_for_all(transport, 2);
    CHECK(received == sent);
  });
  CHECK(results == "\n");
}

TEST_CASE("a job ends on no rank before it does on all") {
  std::atomic<bool> last_came = false;
  std::atomic<int> early = 0;
  std::vector<std::thread> threads;
  for (const Launched& launched : launch(3)) {
    threads.emplace_back([&, launched] {
      auto job = join_tcp_job(launched, {kPatience, nullptr, [](const std::string&) { std::abort(); }});
      if (launched.rank == Rank{2}) {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        last_came = true;
      }
      job.reset();
      if (!last_came) ++early;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(early == 0);
}

}  // namespace
}  // namespace ppsim::test::tcp_test
