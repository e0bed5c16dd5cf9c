#include "replay/bench/product_bench.hpp"

#include <algorithm>
#include <set>

#include "replay/bench/samples.hpp"

namespace ppsim {
namespace {

// Far more than caches hold.
constexpr Bytes kCopied(std::int64_t{32} << 20U);

// Every rank repeats at once. On rank 0 [ranks][repeats].
template <class Repeat>
std::vector<std::vector<Time>> measure_together(Group& group, Time budget, Repeat&& repeat) {
  const std::uint32_t count = agree_on_count(group, budget, repeat);
  group.barrier();
  return gather_times(group, repeat(count));
}

BytesPerSecond rate_of(std::vector<Time> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  const double bytes = 2.0 * static_cast<double>(kCopied.count());
  return BytesPerSecond(static_cast<std::int64_t>(bytes / Seconds(std::max(*middle, Time(1))).count()));
}

}  // namespace

std::vector<ProductSamples> measure_products(Group& group, Probe& probe,
                                             const std::vector<ProductShape>& shapes, Time seconds) {
  std::set<ProductShape> chosen;
  for (const ProductShape& shape : shapes) chosen.insert(probe.largest_product(shape));
  std::vector<ProductSamples> samples;
  for (const ProductShape& shape : chosen) {
    const Time budget = seconds / static_cast<Time::rep>(chosen.size());
    auto times =
        measure_together(group, budget, [&](std::uint32_t count) { return probe.multiply(shape, count); });
    if (group.is_first()) samples.push_back({shape, std::move(times)});
  }
  return samples;
}

std::vector<BytesPerSecond> measure_copies(Group& group, Probe& probe, Time seconds) {
  std::vector<BytesPerSecond> rates;
  for (auto& times :
       measure_together(group, seconds, [&](std::uint32_t count) { return probe.copy(kCopied, count); }))
    rates.push_back(rate_of(std::move(times)));
  return rates;
}

}  // namespace ppsim
