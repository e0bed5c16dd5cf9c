/// What each process of a replay on GPUs enqueues: its ops, sends and receives in order, on streams, and the
/// static check that no two of them wait for each other.
///
/// Semantics: CUDA's and NCCL's. What is on one stream runs one after the other. Sends and receives are
/// rendezvous: neither ends before its partner has begun. Those of one communicator run in the order in which
/// their process enqueues them, whatever their streams. Between two ranks the n-th send meets the n-th
/// receive of the same communicator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ppsim/core/units.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "replay/rank_program.hpp"

namespace ppsim {

enum class LaunchKind : std::uint8_t { Op, Send, Receive };

inline constexpr std::uint32_t kNoLaunch = std::numeric_limits<std::uint32_t>::max();

struct Launch {
  LaunchKind kind{};
  std::uint32_t vertex = kNoVertex;  ///< of the rank: the op; a service has none
  EdgeId edge{};                     ///< of a send or receive, as all that follows but `after`
  Rank peer{};                       ///< at the other end
  Bytes bytes;                       ///< at least one: a message carries a dependency even if nothing else
  std::uint32_t communicator{};      ///< of all: index into LaunchPlan::communicators
  std::uint32_t buffer{};            ///< of a receive: which of the rank's
  std::uint32_t stream = 0;          ///< of the rank; 0: computes
  std::uint32_t group{};             ///< launches of one group are neighbours and run as one
  std::vector<std::uint32_t> after;  ///< earlier launches of the rank that must have ended
};

struct RankLaunches {
  std::vector<Launch> list;  ///< in the order in which they are enqueued
  std::uint32_t streams = 1;
  std::vector<Bytes> buffers;             ///< [receive buffers] size: of the longest message that it takes
  Bytes longest_send;                     ///< all sends read from one buffer
  std::vector<std::uint32_t> ops;         ///< [vertices] launch
  std::vector<std::uint32_t> departures;  ///< [RankProgram::sends] launch whose start it is
  std::vector<std::uint32_t> arrivals;    ///< [RankProgram::receives] launch whose end it is
};

/// Ranks, each once, in the order of their numbers within it.
struct LaunchCommunicator {
  std::vector<Rank> members;
};

struct LaunchPlan {
  std::vector<LaunchCommunicator> communicators;
  std::vector<RankLaunches> ranks;  ///< [P]
};

enum class Communicators : std::uint8_t {
  Pair,   ///< one for each ordered pair of ranks that talk (and one for EVICT and LOAD between them)
  World,  ///< one for all ranks
};

/// Semantics without SEND and RECV in the program: each message has a stream of its pair; a receive is
/// enqueued with the op that consumes the one before it from the same sender, into another buffer, or earlier
/// where the order needs it. With them (Communication::Program) the streams and groups are the program's own,
/// and the caller chooses the communicators by them. O(vertices + edges).
[[nodiscard]] LaunchPlan make_launch_plan(const OpGraph& graph, Communicators communicators);

enum class LaunchOrder : std::uint8_t {
  Free,  ///< a message begins when all is there that it waits for
  Kept,  ///< and no sooner than any message that its process enqueued before it (NCCL_LAUNCH_ORDER_IMPLICIT)
};

/// What waits in a circle, one line each, every one for the one before it and the first for the last; or a
/// line for two messages that meet though they are not the same; or empty: then the plan runs to its end,
/// however long its parts take. Independent of find_cycle(graph). O(launches).
[[nodiscard]] std::vector<std::string> find_launch_fault(const OpGraph& graph, const LaunchPlan& plan,
                                                         LaunchOrder order = LaunchOrder::Free);

/// "rank 0: send behind F of stage 0, micro-batch 1, to rank 1"; for messages.
[[nodiscard]] std::string describe_launch(const OpGraph& graph, const LaunchPlan& plan, Rank rank,
                                          std::uint32_t launch);

}  // namespace ppsim
