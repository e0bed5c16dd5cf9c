// Prefixes of orders that the exact search has met, to tell those that cannot lead to anything better.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ppsim/core/units.hpp"

namespace ppsim {

/// A prefix is its key (what ran, as counts) and its times (when each rank is free, when each input arrives
/// that is still to be used). Of two with equal keys, the one whose times are nowhere later completes to
/// nothing worse.
class OrderMemo {
 public:
  /// `bytes`: how much it may hold; when full it learns nothing new.
  explicit OrderMemo(std::size_t bytes);

  /// True where a prefix with this key and times nowhere later is known; else this one is, from now on. Equal
  /// keys have equally many times.
  bool covers(std::span<const std::uint32_t> key, std::span<const Time> times);

 private:
  struct Record {
    std::uint32_t next;   // in the same bucket; kNone: last
    std::uint32_t keys;   // begin in keys_
    std::uint32_t times;  // begin in times_
  };
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  [[nodiscard]] bool same_key(const Record& record, std::span<const std::uint32_t> key) const;
  void add(std::uint32_t& bucket, std::span<const std::uint32_t> key, std::span<const Time> times);
  [[nodiscard]] std::size_t bytes_used() const;

  std::size_t bytes_;
  std::vector<std::uint32_t> buckets_;
  std::vector<Record> records_;
  std::vector<std::uint32_t> keys_;
  std::vector<Time> times_;
};

}  // namespace ppsim
