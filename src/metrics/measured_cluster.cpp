#include "metrics/measured_cluster.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "metrics/robust_fit.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

double slowdown_of(const LinkTimes& times) {
  if (times.all_pairs.empty()) return 1;
  const auto all = static_cast<double>(times.all_pairs.back().time.count());
  const auto one = static_cast<double>(std::max<Time::rep>(times.both_ways.back().time.count(), 1));
  return std::max(all / one, 1.0);
}

double rate_of(const ProductTime& product) {
  return product.flops.count() / Seconds(std::max(product.time, Time(1))).count();
}

}  // namespace

MeasuredLink fit_measured_link(LinkTimes times) {
  MeasuredLink link;
  link.alone = fit_messages(times.alone, times.empty.value_or(Time{}));
  link.both_ways = fit_bandwidth(times.both_ways, link.alone.link.latency);
  link.slowdown = slowdown_of(times);
  link.times = std::move(times);
  return link;
}

std::uint32_t count_nics(std::uint32_t gpus, double slowdown) {
  const auto off = [&](std::uint32_t nics) { return std::abs(std::log(slowdown * nics / gpus)); };
  std::uint32_t best = gpus;
  for (std::uint32_t nics = 1; nics < gpus; ++nics)
    if (gpus % nics == 0 && off(nics) < off(best)) best = nics;
  return best;
}

MeasuredRate measured_rate(std::vector<ProductTime> products) {
  PPSIM_ASSERT(!products.empty(), "a rate of nothing");
  std::map<double, std::vector<double>> rates;
  for (const ProductTime& product : products) rates[product.flops.count()].push_back(rate_of(product));
  MeasuredRate result;
  double peak = 0;
  for (const auto& [flops, of_size] : rates) peak = std::max(peak, median(of_size));
  for (const auto& [flops, of_size] : rates)
    result.efficiency.points.emplace_back(Flops(flops), median(of_size) / peak);
  result.peak = FlopsPerSecond(peak);
  return result;
}

}  // namespace ppsim
