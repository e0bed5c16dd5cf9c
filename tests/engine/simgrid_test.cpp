// Fair sharing against SimGrid (Casanova et al., "Versatile, scalable, and accurate simulation of distributed
// applications and platforms", JPDC 2014), whose network model CM02 is max-min fair where its corrections for
// TCP are set to none. One engine a process is all that SimGrid has, so that all cases are one platform whose
// parts do not touch.
#include <doctest/doctest.h>
#include <simgrid/s4u.hpp>

#include <cmath>
#include <random>

#include "engine/contention/fair_share.hpp"

namespace ppsim::simgrid_test {
namespace {

namespace s4u = simgrid::s4u;

struct Flow {
  std::vector<std::uint32_t> links;
  double bytes = 0;
  double start_s = 0;
  double end_s = 0;  // as SimGrid has it
};

struct Platform {
  std::vector<double> bandwidths;  // bytes a second
  std::vector<Flow> flows;
};

Platform random_platform(std::mt19937& random) {
  const auto up_to = [&](std::uint32_t most) { return random() % most; };
  Platform platform;
  const std::uint32_t links = 2 + up_to(8);
  for (std::uint32_t link = 0; link < links; ++link) platform.bandwidths.push_back(1e6 * (1 + up_to(1000)));
  platform.flows.resize(5 + up_to(40));
  for (Flow& flow : platform.flows) {
    std::vector<std::uint32_t> shuffled(links);
    for (std::uint32_t link = 0; link < links; ++link)
      std::swap(shuffled[link] = link, shuffled[up_to(link + 1)]);
    flow.links.assign(shuffled.begin(), shuffled.begin() + 1 + up_to(std::min(links, 4U)));
    flow.bytes = 1e7 * (1 + up_to(1000));
    flow.start_s = 0.5 * up_to(50);
  }
  std::stable_sort(platform.flows.begin(), platform.flows.end(),
                   [](const Flow& a, const Flow& b) { return a.start_s < b.start_s; });
  return platform;
}

void add_to_simgrid(s4u::NetZone& zone, Platform& platform, const std::string& name) {
  std::vector<s4u::Link*> links;
  for (std::size_t link = 0; link < platform.bandwidths.size(); ++link) {
    links.push_back(zone.create_link(name + " link " + std::to_string(link), platform.bandwidths[link])
                        ->set_latency(0)
                        ->set_sharing_policy(s4u::Link::SharingPolicy::SHARED)
                        ->seal());
  }
  for (std::size_t flow = 0; flow < platform.flows.size(); ++flow) {
    const std::string end = name + " flow " + std::to_string(flow);
    s4u::Host* from = zone.create_host(end + " from", 1e9);
    s4u::Host* to = zone.create_host(end + " to", 1e9);
    std::vector<s4u::LinkInRoute> route;
    for (const std::uint32_t link : platform.flows[flow].links) route.emplace_back(links[link]);
    zone.add_route(from->get_netpoint(), to->get_netpoint(), nullptr, nullptr, route, false);
    s4u::Actor::create(end, from, [&one = platform.flows[flow], from, to] {
      s4u::this_actor::sleep_for(one.start_s);
      s4u::Comm::sendto(from, to, static_cast<std::uint64_t>(one.bytes));
      one.end_s = s4u::Engine::get_clock();
    });
  }
}

Time nanoseconds(double seconds) {
  return Time(std::llround(seconds * 1e9));
}

std::vector<Time> our_ends(const Platform& platform) {
  FairShare share(platform.bandwidths);
  std::vector<Time> ends(platform.flows.size());
  std::size_t started = 0;
  for (std::size_t left = ends.size(); left > 0;) {
    const Time start = started < ends.size() ? nanoseconds(platform.flows[started].start_s) : Time::max();
    if (share.next() <= start) {
      const Time now = share.next();
      ends[share.finish(now).value()] = now;
      --left;
      continue;
    }
    std::vector<FairShare::Use> uses;
    double slowest = platform.bandwidths[platform.flows[started].links[0]];
    for (const std::uint32_t link : platform.flows[started].links) {
      uses.push_back({link, 1});
      slowest = std::min(slowest, platform.bandwidths[link]);
    }
    const Time alone = nanoseconds(platform.flows[started].bytes / slowest);
    share.start(static_cast<std::uint32_t>(started++), uses, static_cast<double>(alone.count()), start);
  }
  return ends;
}

}  // namespace

TEST_CASE("flows on random platforms end when SimGrid says, within a millionth") {
  int arguments = 1;
  std::string name = "test_simgrid";
  char* pointers[] = {name.data(), nullptr};
  s4u::Engine engine(&arguments, pointers);
  for (const char* setting : {"network/model:CM02", "network/TCP-gamma:0", "network/bandwidth-factor:1",
                              "network/latency-factor:1", "network/weight-S:0", "network/crosstraffic:0"})
    s4u::Engine::set_config(setting);
  s4u::NetZone* zone = s4u::create_full_zone("all");
  std::mt19937 random(5);
  std::vector<Platform> platforms(40);
  for (std::size_t one = 0; one < platforms.size(); ++one) {
    platforms[one] = random_platform(random);
    add_to_simgrid(*zone, platforms[one], "platform " + std::to_string(one));
  }
  zone->seal();
  engine.run();
  std::size_t compared = 0;
  for (const Platform& platform : platforms) {
    const auto ends = our_ends(platform);
    for (std::size_t flow = 0; flow < ends.size(); ++flow, ++compared) {
      const double theirs = 1e9 * platform.flows[flow].end_s;
      CHECK(std::abs(static_cast<double>(ends[flow].count()) - theirs) <= 1e-6 * theirs);
    }
  }
  CHECK(compared > 500);
}

}  // namespace ppsim::simgrid_test
