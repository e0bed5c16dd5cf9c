#include "explore/order/order_memo.hpp"

#include <algorithm>

#include "core/hash.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kBuckets = std::size_t{1} << 18;

// Over the counts, each as one part.
std::size_t hash(std::span<const std::uint32_t> key) {
  Fnv1a hash;
  for (const std::uint32_t part : key) hash.add(part);
  return static_cast<std::size_t>(hash.value() ^ (hash.value() >> 32));
}

bool nowhere_later(std::span<const Time> a, const Time* b) {
  return std::equal(a.begin(), a.end(), b, [](Time x, Time y) { return x <= y; });
}

}  // namespace

OrderMemo::OrderMemo(std::size_t bytes) : bytes_(bytes), buckets_(kBuckets, kNone) {}

bool OrderMemo::covers(std::span<const std::uint32_t> key, std::span<const Time> times) {
  std::uint32_t& bucket = buckets_[hash(key) % kBuckets];
  Record* worse = nullptr;
  for (std::uint32_t at = bucket; at != kNone; at = records_[at].next) {
    Record& record = records_[at];
    if (!same_key(record, key)) continue;
    const std::span<const Time> known(times_.data() + record.times, times.size());
    if (nowhere_later(known, times.data())) return true;
    if (worse == nullptr && nowhere_later(times, known.data())) worse = &record;
  }
  if (worse != nullptr) {
    std::copy(times.begin(), times.end(), times_.begin() + worse->times);
  } else if (bytes_used() < bytes_) {
    add(bucket, key, times);
  }
  return false;
}

bool OrderMemo::same_key(const Record& record, std::span<const std::uint32_t> key) const {
  return std::equal(key.begin(), key.end(), keys_.begin() + record.keys);
}

void OrderMemo::add(std::uint32_t& bucket, std::span<const std::uint32_t> key, std::span<const Time> times) {
  records_.push_back(
      {bucket, static_cast<std::uint32_t>(keys_.size()), static_cast<std::uint32_t>(times_.size())});
  bucket = static_cast<std::uint32_t>(records_.size() - 1);
  keys_.insert(keys_.end(), key.begin(), key.end());
  times_.insert(times_.end(), times.begin(), times.end());
}

std::size_t OrderMemo::bytes_used() const {
  return records_.size() * sizeof(Record) + keys_.size() * sizeof(std::uint32_t) +
         times_.size() * sizeof(Time);
}

}  // namespace ppsim
