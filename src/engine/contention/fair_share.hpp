/// Who gets how much of a shared link, while flows come and go.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <queue>
#include <span>
#include <tuple>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// Max-min fair sharing by progressive filling (Bertsekas, Gallager, "Data Networks", 2nd ed. 1992, section
/// 6.5.2): all flows grow alike until a link is full; those on it stay, the others grow on. When a flow comes
/// or goes, only flows that share a link with it, directly or through others, are computed anew.
class FairShare {
 public:
  /// A flow of rate x takes weight * x of the link.
  struct Use {
    std::uint32_t link;
    double weight;
  };

  /// `capacities`: [links], of any unit, above zero.
  explicit FairShare(std::vector<double> capacities);

  /// A flow starts that takes `alone` > 0 nanoseconds where nothing else is under way. `id` names it when it
  /// ends, and settles ties. `uses`: at least one, no link twice, weights above zero. `now` is never earlier
  /// than at the call before, nor later than next(). All that starts and ends at one instant is one change.
  void start(std::uint32_t id, std::span<const Use> uses, double alone, Time now);

  /// When the next flow ends; Time::max() where none is under way.
  [[nodiscard]] Time next();

  /// Ends the next flow that ends at `now`, which is next(), and says which it was; empty: no more of them.
  std::optional<std::uint32_t> finish(Time now);

 private:
  struct Flow {
    std::uint32_t id = 0;
    std::vector<Use> uses;
    double fastest = 0;  // rate where nothing else is under way
    double rate = 0;
    double left = 0;  // ns of `alone` that are still to run, at `since`
    Time since{};
    Time end{};  // at this rate
    std::uint32_t version = 0;
    bool fixed = false;  // while a component is filled
    bool seen = false;
  };
  struct Link {
    double capacity = 0;
    std::vector<std::uint32_t> flows;  // slots under way
    // While a component is filled: what is left of the capacity, and the flows not fixed yet with their
    // weights.
    double free = 0;
    double weights = 0;
    std::size_t open = 0;
    bool seen = false;
  };
  // By (end, id); stale where the flow has another version.
  struct Departure {
    Time end;
    std::uint32_t id, slot, version;

    friend bool operator>(const Departure& a, const Departure& b) {
      return std::tie(a.end, a.id) > std::tie(b.end, b.id);
    }
  };
  // A link by the rate at which it is full; that only grows while others are filled.
  struct Level {
    double rate;
    std::uint32_t link;

    friend bool operator>(const Level& a, const Level& b) {
      return std::tie(a.rate, a.link) > std::tie(b.rate, b.link);
    }
  };

  std::uint32_t take_slot();
  void begin_change(Time now);
  void settle();
  void collect();
  void refill(Time now);
  void open_links();
  void fill_links();
  void fix(std::uint32_t slot, double rate);
  void set_rate(std::uint32_t slot, double rate, Time now);
  [[nodiscard]] bool is_stale(const Departure& departure) const;

  std::vector<Link> links_;
  std::vector<Flow> flows_;  // by slot
  std::vector<std::uint32_t> free_slots_;
  std::priority_queue<Departure, std::vector<Departure>, std::greater<>> departures_;

  std::vector<std::uint32_t> changed_;  // links on which flows have come or gone since rates were found,
  Time changed_at_{};                   // all at this time

  // Of the component at hand, kept for their memory.
  std::vector<std::uint32_t> touched_links_, touched_flows_;
  std::vector<double> new_rates_;  // [slots]
  std::vector<Level> levels_;
};

}  // namespace ppsim
