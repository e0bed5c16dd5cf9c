// A link out of what the nccl-tests programs measured: each program's time is that of messages over the
// ring's slowest link, so many behind one another.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "input/import/imported_section.hpp"
#include "input/import/nccl/collective_times.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

enum class Steps : std::uint8_t {
  Twice,    ///< 2 (n - 1) pieces of S / n behind one another
  Once,     ///< n - 1 of them
  Chained,  ///< all bytes once, handed on n - 1 times
  Single,
};

constexpr std::array<std::pair<std::string_view, Steps>, 7> kPrograms{{{"all_reduce", Steps::Twice},
                                                                       {"all_gather", Steps::Once},
                                                                       {"reduce_scatter", Steps::Once},
                                                                       {"alltoall", Steps::Once},
                                                                       {"broadcast", Steps::Chained},
                                                                       {"reduce", Steps::Chained},
                                                                       {"sendrecv", Steps::Single}}};

Steps find_steps(std::string name, const std::string& where) {
  if (name.ends_with("_perf")) name.resize(name.size() - 5);
  std::vector<std::string_view> names;
  for (const auto& [known, steps] : kPrograms) {
    if (known == name) return steps;
    names.push_back(known);
  }
  throw Error(where, fmt::format("{}: its times are not those of a ring; expected one of {}",
                                 shown(Json(name)), fmt::join(names, ", ")));
}

// What a test of S bytes comes to on the slowest link: t = hops x latency + bytes_share x S / bandwidth, in
// messages of message_share x S.
struct RingTime {
  double hops = 1;
  double bytes_share = 1;
  double message_share = 1;
};

RingTime ring_time(Steps steps, std::uint64_t ranks) {
  const auto n = static_cast<double>(ranks);
  switch (steps) {
    case Steps::Twice:
      return {2 * (n - 1), 2 * (n - 1) / n, 1 / n};
    case Steps::Once:
      return {n - 1, (n - 1) / n, 1 / n};
    case Steps::Chained:
      return {n - 1, 1, 1};
    case Steps::Single:
      return {};
  }
  return {};
}

Bytes scaled_size(Bytes size, double share) {
  return Bytes(std::llround(static_cast<double>(size.count()) * share));
}

MessageFit fit(const NcclTest& test, const RingTime& ring, const std::string& path) {
  std::vector<SizeTime> messages;
  for (const SizeTime& one : test.samples)
    messages.push_back({scaled_size(one.size, ring.bytes_share), one.time});
  if (messages.empty()) throw Error(path, "has no row with a size above zero");
  try {
    return fit_messages(messages);
  } catch (const Error& error) {
    throw Error(path, error.fault().what);
  }
}

// All rings together take the NICs of a node, side by side; a single message takes one.
std::uint64_t links_at_once(const NcclTest& test, Steps steps, const NcclTestsOptions& options,
                            const std::string& path) {
  if (test.nodes == 1 && options.nics_per_node)
    throw Error("--nics-per-node", "has no meaning for ranks of one node; leave it out");
  if (test.nodes == 1) return 1;
  if (!options.nics_per_node)
    throw Error(
        path,
        fmt::format(
            "ranks on {} nodes: expected --nics-per-node, which the link's bandwidth is shared out among",
            test.nodes));
  if (steps == Steps::Single) return 1;
  return std::min(*options.nics_per_node, std::max<std::uint64_t>(test.ranks / test.nodes, 1));
}

void add_sizes(Json& section, const NcclTest& test, const RingTime& ring) {
  const auto [least, most] =
      std::minmax_element(test.samples.begin(), test.samples.end(),
                          [](const SizeTime& a, const SizeTime& b) { return a.size < b.size; });
  section["measured_sizes"] = {fmt::format("{} B", scaled_size(least->size, ring.message_share).count()),
                               fmt::format("{} B", scaled_size(most->size, ring.message_share).count())};
}

std::string fit_note(const NcclTest& test, const MessageFit& fit) {
  std::vector<double> errors;
  for (const double error : fit.errors) errors.push_back(std::abs(error));
  std::sort(errors.begin(), errors.end());
  return fmt::format(
      "{} rows of {} ranks on {}: times by the fit are off by {:.1f} % in the middle, at most {:.1f} %",
      test.samples.size(), test.ranks, test.nodes == 1 ? "one node" : fmt::format("{} nodes", test.nodes),
      100 * errors[errors.size() / 2], 100 * errors.back());
}

ImportedSection fit_link(const std::string& path, const NcclTestsOptions& options) {
  const NcclTest test = read_nccl_test(path);
  const bool chosen = !options.collective.empty();
  const std::string& program = chosen ? options.collective : test.program;
  if (program.empty())
    throw Error(path,
                "does not name the one program that wrote it; expected --collective, such as all_reduce");
  const Steps steps = find_steps(program, chosen ? "--collective" : path);
  if (test.ranks < 2) throw Error(path, "one rank alone, which sends nothing; expected two at least");
  const RingTime ring = ring_time(steps, test.ranks);
  const std::uint64_t links = links_at_once(test, steps, options, path);
  const MessageFit fitted = fit(test, ring, path);
  const auto bandwidth =
      std::max<std::int64_t>(fitted.link.bandwidth.count() / static_cast<std::int64_t>(links), 1);
  const double latency = static_cast<double>(fitted.link.latency.count()) / ring.hops;
  Json section = {
      {"source", import_source(path, fmt::format("{} of nccl-tests over {} ranks", program, test.ranks))},
      {"bandwidth", fmt::format("{} B/s", bandwidth)},
      {"latency", fmt::format("{} ns", std::llround(latency))}};
  add_sizes(section, test, ring);
  Json cluster = {{"nodes", test.nodes}, {"gpus_per_node", 2}, {"nvlink", section}};
  std::vector<std::string> notes{fit_note(test, fitted)};
  if (test.nodes > 1) {
    section["nics_per_node"] = *options.nics_per_node;
    cluster["infiniband"] = section;
    notes.push_back(fmt::format("for infiniband: the bandwidth of one NIC of {}",
                                links > 1 ? fmt::format("{} that the rings use at once", links)
                                          : "a node, which the ring uses alone"));
  }
  if (steps != Steps::Single)
    notes.push_back(fmt::format("the times are taken to be a ring's, in {} steps", ring.hops));
  check_sections({{"cluster", cluster}}, path);
  return imported_section(section, std::move(notes));
}

}  // namespace

ImportedSection import_nccl_tests(const std::string& path, const NcclTestsOptions& options) {
  return with_plain_errors([&] { return fit_link(path, options); });
}

}  // namespace ppsim
