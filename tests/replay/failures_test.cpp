// What ends a replay, and what is said then.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "cases.hpp"
#include "replay/runs.hpp"

namespace ppsim::test::failures_test {
namespace {

// Passes all on but some of what is sent.
class Lossy final : public Transport {
 public:
  Lossy(Transport& transport, std::function<bool(Rank, Tag)> loses)
      : transport_(transport), loses_(std::move(loses)) {}

  [[nodiscard]] Rank rank() const override { return transport_.rank(); }
  [[nodiscard]] std::uint32_t size() const override { return transport_.size(); }
  [[nodiscard]] Tag most_tag() const override { return transport_.most_tag(); }
  void send(Rank to, Tag tag, std::span<const std::byte> data, Ticket ticket) override {
    if (loses_(to, tag))
      lost_ = ticket;  // as if it had left
    else
      transport_.send(to, tag, data, ticket);
  }
  void receive(Rank from, Tag tag, std::span<std::byte> data, Ticket ticket) override {
    transport_.receive(from, tag, data, ticket);
  }
  std::optional<Ticket> poll() override {
    if (!lost_) return transport_.poll();
    return std::exchange(lost_, std::nullopt);
  }

 private:
  Transport& transport_;
  std::function<bool(Rank, Tag)> loses_;
  std::optional<Ticket> lost_;
};

std::string failure_of(const OpGraph& graph, const ReplayOptions& options, Time patience,
                       const std::function<bool(Rank, Tag)>& loses) {
  try {
    run_in_process(graph.rank_count(), [&](Transport& transport) {
      const bool lossy = transport.rank() == Rank{0};
      Lossy lossily(
          transport, lossy ? loses : [](Rank, Tag) { return false; });
      Group group(lossily, lossy ? 100 * patience : patience);  // so that rank 1 speaks
      (void)replay(graph, group, options);
    });
  } catch (const ReplayError& error) {
    return error.what();
  }
  return "no failure";
}

std::string joint_failure_of(std::uint32_t ranks, const std::function<void(Transport&)>& body) {
  try {
    run_in_process(ranks, body);
  } catch (const JointError& error) {
    return error.what();
  }
  return "no joint failure";
}

const OpGraph& two_ranks() {
  static const OpGraph graph = graph_of(make_schedule("1f1b", {2, 4, 1}), uniform_costs(10, 20, 5, 1));
  return graph;
}

// Rank 0's second send is of F1.
TEST_CASE("a message that is lost ends the step, which says what waits for it") {
  for (const ReplayMode mode : {ReplayMode::Virtual, ReplayMode::Wait}) {
    int sends = 0;
    CHECK(failure_of(two_ranks(), {mode}, kSecond / 10,
                     [&](Rank, Tag tag) { return tag >= kFirstFreeTag && ++sends == 2; })
              .starts_with("rank 1: F of stage 1, micro-batch 1, which waits for a message from rank 0: "
                           "nothing came for 0.1"));
  }
}

TEST_CASE("ranks of different configs end before the first step") {
  const OpGraph other = graph_of(make_schedule("1f1b", {2, 4, 1}), uniform_costs(10, 21, 5, 1));
  const std::string line = joint_failure_of(2, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    (void)replay(transport.rank() == Rank{0} ? two_ranks() : other, group, {});
  });
  CHECK(line.starts_with("rank 1: config, schedule or options are not those of rank 0 (fingerprint "));
}

TEST_CASE("ranks of different options end before the first step") {
  for (const ReplayOptions& other :
       {ReplayOptions{ReplayMode::Wait, 2, 1}, ReplayOptions{ReplayMode::Virtual, 3, 1},
        ReplayOptions{ReplayMode::Virtual, 2, 2}}) {
    const std::string line = joint_failure_of(2, [&](Transport& transport) {
      Group group(transport, 20 * kSecond);
      const ReplayOptions first{ReplayMode::Virtual, 2, 1};
      (void)replay(two_ranks(), group, transport.rank() == Rank{0} ? first : other);
    });
    CHECK(line.starts_with("rank 1: config, schedule or options are not those of rank 0"));
  }
}

TEST_CASE("a rank too few or too many") {
  for (const std::uint32_t ranks : {1U, 3U}) {
    const std::string line = joint_failure_of(ranks, [&](Transport& transport) {
      Group group(transport, 20 * kSecond);
      (void)replay(two_ranks(), group, {});
    });
    CHECK(line == (ranks == 1 ? "1 process is" : "3 processes are") +
                      std::string(" in this job, and the schedule has 2 ranks: expected one a rank (mpirun "
                                  "-n 2, or torchrun --nproc-per-node 2)"));
  }
}

TEST_CASE("a message of 2 GiB or more is refused where it would be sent") {
  const OpGraph graph =
      graph_of(make_schedule("1f1b", {2, 1, 1}), uniform_costs(10, 20, std::int64_t{1} << 31));
  const std::string line = joint_failure_of(2, [&](Transport& transport) {
    Group group(transport, 20 * kSecond);
    (void)replay(graph, group, {ReplayMode::Wait});
  });
  CHECK(line == "a transfer from rank 0 to rank 1 has 2147483648 bytes: expected less than 2 GiB");
  CHECK(replay_in_process(graph, {ReplayMode::Virtual}).steps.size() == 1);
}

TEST_CASE("waiting takes time with the ops, and no time with virtual clocks") {
  const OpGraph graph = graph_of(make_schedule("1f1b", {2, 3, 1}), uniform_costs(10, 20));
  CHECK(patience_for(graph, ReplayMode::Virtual, Time(5)) == Time(5));
  CHECK(patience_for(graph, ReplayMode::Wait, Time(5)) == Time(5 + 2 * 3 * 30));
}

}  // namespace
}  // namespace ppsim::test::failures_test
