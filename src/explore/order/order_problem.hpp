// Which order of ops is the best, as a problem of its own: what runs where, for how long, behind what, in how
// much memory.
//
// Micro-batches are alike, so an order says only which *kind* of op comes next: the k-th op of a type (one
// stage, one kind) on its rank is micro-batch k. Nothing is lost by it. Take any order with its times, and
// number the ops of each type by when they run. The k-th F of stage s could start only once k + 1
// micro-batches had left stage s-1; so it starts no earlier than the k-th op there ends, plus the hop. The
// same holds for each other input. The renumbered order runs at the same times and holds the same memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ppsim/explore/order/optimize.hpp"
#include "ppsim/model/costs/workload.hpp"
#include "ppsim/schedule/schedule.hpp"

namespace ppsim {

/// All ops of one stage and kind, one a micro-batch.
using TypeId = std::uint32_t;
inline constexpr TypeId kNoType = ~TypeId{0};

struct OpType {
  struct Input {
    TypeId type = kNoType;
    Time hop{};
  };

  OpKind kind{};
  Stage stage{};
  std::uint32_t rank = 0;
  Time duration{};
  Bytes takes;                  ///< when it starts (F)
  Bytes gives;                  ///< when it ends
  std::array<Input, 2> inputs;  ///< of the same micro-batch; kNoType: none
  TypeId consumer = kNoType;    ///< on another rank
};

struct OrderProblem {
  Placement placement;
  std::uint32_t micro_batches = 0;
  bool split = true;                          ///< types are F, I, W of each stage; else F, B
  std::vector<OpType> types;                  ///< by stage, then kind: F, I, W or F, B
  std::vector<std::vector<TypeId>> types_of;  ///< [P], ascending
  std::vector<Bytes> limit;                   ///< [P] of activations
  /// [P] What the objective adds to the end of a rank's last op: the time of its gradient reductions; for the
  /// rank span, less its first start. That start is the same in every order: see make_order_problem.
  std::vector<Time> added;

  [[nodiscard]] std::uint32_t ranks() const { return placement.ranks; }
  [[nodiscard]] std::uint32_t kinds() const { return split ? 3 : 2; }
  [[nodiscard]] std::size_t op_count() const { return types.size() * micro_batches; }
  [[nodiscard]] TypeId type_of(std::size_t stage, std::uint32_t kind) const {
    return static_cast<TypeId>(stage * kinds() + kind);
  }
};

/// The order of each rank's ops, all ranks one after the other.
struct Order {
  std::vector<TypeId> types;
  std::vector<std::size_t> begin;  ///< [P + 1]

  friend bool operator==(const Order&, const Order&) = default;
};

/// Throws Error for what the search does not cover (two directions, token loops, slices, several steps),
/// where the rank span's starts depend on the order, and for a limit that no order keeps (with the least that
/// one does).
[[nodiscard]] OrderProblem make_order_problem(const Plan& plan, const OptimizeOptions& options);

/// The ops of `schedule` by type: a whole backward in a problem with split ones becomes I and W, the other
/// way round I becomes B, and W is dropped. What runs beside or together (copies, pairs) is taken in its
/// order.
[[nodiscard]] Order make_order(const OrderProblem& problem, const Schedule& schedule);

[[nodiscard]] Schedule make_schedule(const OrderProblem& problem, const Order& order, std::string name);

/// Runs orders: each op as early as its rank and inputs allow, the engine's rule where nothing is shared.
class OrderReplay {
 public:
  explicit OrderReplay(const OrderProblem& problem);

  /// The objective, or nothing where the order deadlocks or breaks the memory limit. O(ops).
  [[nodiscard]] std::optional<Time> run(const Order& order);

  /// Of the last run that returned something.
  [[nodiscard]] Time start(std::size_t position) const { return start_[position]; }
  [[nodiscard]] Time finish(TypeId type, std::uint32_t micro_batch) const {
    return finish_[std::size_t{type} * problem_.micro_batches + micro_batch];
  }

 private:
  bool advance(const Order& order, std::uint32_t rank);
  [[nodiscard]] std::optional<Time> ready(const OpType& type, std::uint32_t micro_batch) const;

  const OrderProblem& problem_;
  std::vector<Time> finish_;             // [types][M]
  std::vector<Time> start_;              // [ops]
  std::vector<std::uint32_t> count_;     // [types]
  std::vector<std::size_t> next_;        // [P]
  std::vector<Time> free_;               // [P]
  std::vector<Bytes> used_;              // [P]
  std::vector<std::uint32_t> runnable_;  // ranks to look at again
};

}  // namespace ppsim
