#include "engine/contention/fair_share.hpp"

#include <algorithm>
#include <cmath>

#include "ppsim/core/error.hpp"

namespace ppsim {

FairShare::FairShare(std::vector<double> capacities) : links_(capacities.size()) {
  for (std::size_t link = 0; link < links_.size(); ++link) links_[link].capacity = capacities[link];
}

std::uint32_t FairShare::take_slot() {
  if (free_slots_.empty()) {
    flows_.emplace_back();
    new_rates_.emplace_back();
    return static_cast<std::uint32_t>(flows_.size() - 1);
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void FairShare::start(std::uint32_t id, std::span<const Use> uses, double alone, Time now) {
  begin_change(now);
  const std::uint32_t slot = take_slot();
  Flow& flow = flows_[slot];
  flow.id = id;
  flow.uses.assign(uses.begin(), uses.end());
  flow.fastest = std::numeric_limits<double>::infinity();
  for (const Use use : uses) {
    flow.fastest = std::min(flow.fastest, links_[use.link].capacity / use.weight);
    links_[use.link].flows.push_back(slot);
  }
  flow.rate = 0;
  flow.left = alone;
  flow.since = now;
  for (const Use use : uses) changed_.push_back(use.link);
}

// What changed before `now` has had its rates until then.
void FairShare::begin_change(Time now) {
  if (now != changed_at_) settle();
  changed_at_ = now;
}

void FairShare::settle() {
  if (changed_.empty()) return;
  collect();
  refill(changed_at_);
  changed_.clear();
}

Time FairShare::next() {
  settle();
  while (!departures_.empty() && is_stale(departures_.top())) departures_.pop();
  return departures_.empty() ? Time::max() : departures_.top().end;
}

bool FairShare::is_stale(const Departure& departure) const {
  return flows_[departure.slot].version != departure.version;
}

std::optional<std::uint32_t> FairShare::finish(Time now) {
  begin_change(now);
  while (!departures_.empty() && is_stale(departures_.top())) departures_.pop();
  if (departures_.empty() || departures_.top().end > now) return std::nullopt;
  const std::uint32_t slot = departures_.top().slot;
  departures_.pop();
  Flow& flow = flows_[slot];
  ++flow.version;
  for (const Use use : flow.uses) {
    auto& flows = links_[use.link].flows;
    *std::find(flows.begin(), flows.end(), slot) = flows.back();
    flows.pop_back();
  }
  for (const Use use : flow.uses) changed_.push_back(use.link);
  free_slots_.push_back(slot);
  return flow.id;
}

// All flows that share a link with what changed, directly or through others, and all their links.
void FairShare::collect() {
  touched_links_.clear();
  touched_flows_.clear();
  const auto touch = [&](std::uint32_t link) {
    if (links_[link].seen) return;
    links_[link].seen = true;
    touched_links_.push_back(link);
  };
  for (const std::uint32_t link : changed_) touch(link);
  for (std::size_t next = 0; next < touched_links_.size(); ++next) {
    for (const std::uint32_t slot : links_[touched_links_[next]].flows) {
      if (flows_[slot].seen) continue;
      flows_[slot].seen = true;
      touched_flows_.push_back(slot);
      for (const Use use : flows_[slot].uses) touch(use.link);
    }
  }
}

void FairShare::refill(Time now) {
  fill_links();
  for (const std::uint32_t slot : touched_flows_) {
    flows_[slot].seen = flows_[slot].fixed = false;
    set_rate(slot, new_rates_[slot], now);
  }
  for (const std::uint32_t link : touched_links_) links_[link].seen = false;
}

void FairShare::open_links() {
  levels_.clear();
  for (const std::uint32_t index : touched_links_) {
    Link& link = links_[index];
    link.free = link.capacity;
    link.weights = 0;
    link.open = link.flows.size();
    for (const std::uint32_t slot : link.flows) {
      const auto& uses = flows_[slot].uses;
      link.weights +=
          std::find_if(uses.begin(), uses.end(), [&](Use use) { return use.link == index; })->weight;
    }
    if (link.open > 0) levels_.push_back({link.free / link.weights, index});
  }
  std::make_heap(levels_.begin(), levels_.end(), std::greater<>{});
}

// A link's level only grows while others are filled, so one taken from the heap is looked at again where it
// did.
void FairShare::fill_links() {
  open_links();
  double reached = 0;
  while (!levels_.empty()) {
    std::pop_heap(levels_.begin(), levels_.end(), std::greater<>{});
    Level& lowest = levels_.back();
    const Link& link = links_[lowest.link];
    const double rate = std::max(link.free / link.weights, reached);  // rounding alone could bring it below
    if (link.open > 0 && rate > lowest.rate) {
      lowest.rate = rate;
      std::push_heap(levels_.begin(), levels_.end(), std::greater<>{});
      continue;
    }
    reached = lowest.rate;
    levels_.pop_back();
    if (link.open == 0) continue;
    for (const std::uint32_t slot : link.flows) {
      if (!flows_[slot].fixed) fix(slot, reached);
    }
  }
}

void FairShare::fix(std::uint32_t slot, double rate) {
  Flow& flow = flows_[slot];
  flow.fixed = true;
  new_rates_[slot] = std::min(rate, flow.fastest);  // rounding alone could pass it
  for (const Use use : flow.uses) {
    Link& link = links_[use.link];
    link.free -= use.weight * new_rates_[slot];
    link.weights -= use.weight;
    --link.open;
  }
}

namespace {

// To the nearest nanosecond. Halves come up often (two thirds of a rate) and must go the same way whatever
// the last bits of a rate are: so what is a millionth short of one goes up too.
Time round_end(double nanoseconds) {
  return Time(static_cast<Time::rep>(std::floor(nanoseconds + 0.5 + 1e-6)));
}

}  // namespace

// A rate that stays leaves the flow's end as it was computed, to the nanosecond.
void FairShare::set_rate(std::uint32_t slot, double rate, Time now) {
  Flow& flow = flows_[slot];
  if (rate == flow.rate) return;
  const double elapsed = static_cast<double>((now - flow.since).count());
  flow.left = std::max(0.0, flow.left - elapsed * (flow.rate / flow.fastest));
  flow.since = now;
  flow.rate = rate;
  flow.end = now + round_end(flow.left / (rate / flow.fastest));
  departures_.push({flow.end, flow.id, slot, ++flow.version});
}

}  // namespace ppsim
