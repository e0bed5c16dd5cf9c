/// Small problems of the best order, and the answer by trying every order.
#pragma once

#include <algorithm>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "explore/folder.hpp"
#include "ppsim/explore/order/optimize.hpp"
#include "support.hpp"

namespace ppsim {

// A small problem with all of its figures, on a linear (V = 1) or V-shaped (V = 2) placement.
struct Instance {
  std::uint32_t ranks = 2;
  std::uint32_t chunks = 1;
  std::uint32_t micro_batches = 2;
  std::vector<std::int64_t> forward, input_grad, weight_grad;  // [S] ns; a whole backward is their sum
  std::vector<std::int64_t> activation, freed;                 // [S] B
  std::int64_t hop = 0;                                        // ns
  OptimizeOptions options;

  [[nodiscard]] std::uint32_t stages() const { return ranks * chunks; }
  [[nodiscard]] std::uint32_t rank_of(std::uint32_t stage) const {
    return stage < ranks ? stage : 2 * ranks - 1 - stage;
  }
};

inline std::string list(const std::vector<std::int64_t>& values, const char* unit) {
  std::ostringstream out;
  for (std::size_t i = 0; i < values.size(); ++i)
    out << (i == 0 ? "[\"" : ", \"") << values[i] << " " << unit << "\"";
  return out.str() + "]";
}

inline std::string config_text(const Instance& instance, const std::string& schedule) {
  std::ostringstream out;
  out << R"({"costs": {"forward": )" << list(instance.forward, "ns") << R"(, "input_grad": )"
      << list(instance.input_grad, "ns") << R"(, "weight_grad": )" << list(instance.weight_grad, "ns")
      << R"(, "activation": )" << list(instance.activation, "B") << R"(, "activation_freed_at_input_grad": )"
      << list(instance.freed, "B") << R"(, "link": {"bandwidth": "1 GB/s", "latency": ")" << instance.hop
      << R"( ns"}}, "parallelism": {"pipeline": )" << instance.ranks << R"(, "micro_batches": )"
      << instance.micro_batches << R"(}, "schedule": {"name": ")" << schedule << R"("}})";
  return out.str();
}

inline Config config_of(const Folder& folder, const Instance& instance) {
  return load_config(folder.write("c.json", config_text(instance, instance.chunks == 1 ? "1f1b" : "zbv")));
}

inline Instance uniform(std::uint32_t P, std::uint32_t M, std::int64_t F, std::int64_t I, std::int64_t W,
                        std::uint32_t V = 1) {
  const std::size_t S = std::size_t{P} * V;
  const auto all = [&](std::int64_t value) { return std::vector<std::int64_t>(S, value); };
  return {P, V, M, all(F), all(I), all(W), all(2), all(1), 0, {}};
}

enum class MicroBatches { InAnyOrder, InTheirOrder };

// Every order there is, tried one by one: no bound, no rule.
class BruteForce {
 public:
  BruteForce(const Instance& instance, MicroBatches micro_batches)
      : instance_(instance), in_order_(micro_batches == MicroBatches::InTheirOrder) {
    for (std::uint32_t rank = 0; rank < instance.ranks; ++rank) list_orders(rank);
  }

  // False where there were too many orders of a rank to list.
  [[nodiscard]] bool is_listed() const {
    return std::all_of(orders_.begin(), orders_.end(),
                       [](const auto& orders) { return orders.size() < kMostOrders; });
  }

  // How many orders of all ranks together.
  [[nodiscard]] double combinations() const {
    double product = 1;
    for (const auto& orders : orders_) product *= static_cast<double>(orders.size());
    return product;
  }

  // Empty where no order keeps the limit.
  [[nodiscard]] std::optional<std::int64_t> best() {
    chosen_.assign(instance_.ranks, nullptr);
    choose(0);
    return best_;
  }

 private:
  struct Action {
    char kind;  // F, I (B where backwards are whole), W
    std::uint32_t stage;
    std::uint32_t micro_batch;
  };
  using Program = std::vector<Action>;
  static constexpr std::size_t kMostOrders = 5000;

  [[nodiscard]] std::size_t id(char kind, std::uint32_t stage, std::uint32_t m) const {
    const std::size_t k = kind == 'F' ? 0 : kind == 'I' ? 1 : 2;
    return (k * instance_.stages() + stage) * instance_.micro_batches + m;
  }

  [[nodiscard]] std::int64_t cost(const Action& a) const {
    if (a.kind == 'F') return instance_.forward[a.stage];
    if (a.kind == 'W') return instance_.weight_grad[a.stage];
    return instance_.input_grad[a.stage] + (instance_.options.split ? 0 : instance_.weight_grad[a.stage]);
  }

  void list_orders(std::uint32_t rank) {
    orders_.emplace_back();
    std::vector<Action> left;
    for (std::uint32_t stage = 0; stage < instance_.stages(); ++stage) {
      if (instance_.rank_of(stage) != rank) continue;
      for (std::uint32_t m = 0; m < instance_.micro_batches; ++m) {
        left.push_back({'F', stage, m});
        left.push_back({'I', stage, m});
        if (instance_.options.split) left.push_back({'W', stage, m});
      }
    }
    Program program;
    std::vector<bool> done(3 * std::size_t{instance_.stages()} * instance_.micro_batches);
    extend(left, program, done, 0);
  }

  // What must precede an action on its own rank.
  [[nodiscard]] bool may_follow(const Action& a, const std::vector<bool>& done) const {
    if (in_order_ && a.micro_batch > 0 && !done[id(a.kind, a.stage, a.micro_batch - 1)]) return false;
    if (a.kind == 'I') return done[id('F', a.stage, a.micro_batch)];
    if (a.kind == 'W') return done[id('I', a.stage, a.micro_batch)];
    return true;
  }

  void extend(std::vector<Action>& left, Program& program, std::vector<bool>& done, std::int64_t memory) {
    if (orders_.back().size() == kMostOrders) return;
    if (left.empty()) return orders_.back().push_back(program);
    for (std::size_t i = 0; i < left.size(); ++i) {
      const Action a = left[i];
      if (!may_follow(a, done)) continue;
      const std::int64_t kept = instance_.activation[a.stage];
      const std::int64_t at_gradient = instance_.options.split ? instance_.freed[a.stage] : kept;
      if (a.kind == 'F' && instance_.options.limit && memory + kept > instance_.options.limit->bytes.count())
        continue;
      const std::int64_t change = a.kind == 'F' ? kept : a.kind == 'I' ? -at_gradient : at_gradient - kept;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
      program.push_back(a);
      done[id(a.kind, a.stage, a.micro_batch)] = true;
      extend(left, program, done, memory + change);
      done[id(a.kind, a.stage, a.micro_batch)] = false;
      program.pop_back();
      left.insert(left.begin() + static_cast<std::ptrdiff_t>(i), a);
    }
  }

  void choose(std::uint32_t rank) {
    if (rank == instance_.ranks) {
      const auto value = replay();
      if (value && (!best_ || *value < *best_)) best_ = value;
      return;
    }
    for (const Program& program : orders_[rank]) {
      chosen_[rank] = &program;
      choose(rank + 1);
    }
  }

  // When the inputs of an action have arrived, or nothing while one has not run.
  [[nodiscard]] std::optional<std::int64_t> arrival(const Action& a, std::uint32_t rank) const {
    std::int64_t time = 0;
    const auto wait = [&](char kind, std::uint32_t stage) {
      const std::int64_t end = end_[id(kind, stage, a.micro_batch)];
      if (end < 0) return false;
      time = std::max(time, end + (instance_.rank_of(stage) == rank ? 0 : instance_.hop));
      return true;
    };
    if (a.kind == 'F' && a.stage > 0 && !wait('F', a.stage - 1)) return std::nullopt;
    if (a.kind == 'I' && !wait('F', a.stage)) return std::nullopt;
    if (a.kind == 'I' && a.stage + 1 < instance_.stages() && !wait('I', a.stage + 1)) return std::nullopt;
    return time;
  }

  std::optional<std::int64_t> replay() {
    end_.assign(3 * std::size_t{instance_.stages()} * instance_.micro_batches, -1);
    std::vector<std::size_t> next(instance_.ranks);
    std::vector<std::int64_t> free(instance_.ranks), first(instance_.ranks, -1);
    for (bool progress = true; progress;) {
      progress = false;
      for (std::uint32_t rank = 0; rank < instance_.ranks; ++rank) {
        while (next[rank] < chosen_[rank]->size()) {
          const Action& a = (*chosen_[rank])[next[rank]];
          const auto arrived = arrival(a, rank);
          if (!arrived) break;
          const std::int64_t start = std::max(free[rank], *arrived);
          if (first[rank] < 0) first[rank] = start;
          end_[id(a.kind, a.stage, a.micro_batch)] = free[rank] = start + cost(a);
          ++next[rank];
          progress = true;
        }
      }
    }
    std::int64_t value = 0;
    for (std::uint32_t rank = 0; rank < instance_.ranks; ++rank) {
      if (next[rank] < chosen_[rank]->size()) return std::nullopt;
      const bool span = instance_.options.objective == OrderObjective::Span;
      value = std::max(value, free[rank] - (span ? first[rank] : 0));
    }
    return value;
  }

  const Instance& instance_;
  bool in_order_;
  std::vector<std::vector<Program>> orders_;  // [P] of each rank, within its memory
  std::vector<const Program*> chosen_;
  std::vector<std::int64_t> end_;
  std::optional<std::int64_t> best_;
};

/// How many of so many random instances a test tries.
constexpr int share(int instances) {
  return kSanitized ? (instances + 9) / 10 : instances;
}

class RandomInstances {
 public:
  explicit RandomInstances(std::uint64_t seed) : random_(seed) {}

  Instance make(std::uint32_t ranks, std::uint32_t chunks, std::uint32_t micro_batches) {
    Instance instance{ranks, chunks, micro_batches, {}, {}, {}, {}, {}, 0, {}};
    for (std::uint32_t stage = 0; stage < instance.stages(); ++stage) {
      instance.forward.push_back(draw(0, 9));
      instance.input_grad.push_back(draw(0, 9));
      instance.weight_grad.push_back(draw(0, 9));
      instance.activation.push_back(draw(0, 5));
      instance.freed.push_back(draw(0, instance.activation.back()));
    }
    instance.hop = draw(0, 1) * draw(0, 6);
    instance.options.objective = draw(0, 1) == 0 ? OrderObjective::Makespan : OrderObjective::Span;
    if (draw(0, 3) > 0)
      instance.options.limit = MemoryLimit{0, Bytes(draw(1, std::int64_t{6} * chunks * micro_batches))};
    return instance;
  }

  std::int64_t draw(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace ppsim
