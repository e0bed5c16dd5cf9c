#include "ppsim/io/network_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "labels.hpp"
#include "ppsim/io/quantity.hpp"
#include "ppsim/io/table.hpp"
#include "report_document.hpp"

namespace ppsim {

namespace {

using Json = nlohmann::ordered_json;
using Pairs = std::span<const std::pair<Rank, Rank>>;

/// A terminal shows about this many rows of a table, JSON has them all; and so many pairs in a row.
constexpr std::size_t kMostRows = 64;
constexpr std::size_t kMostPairs = 4;

std::string_view name(TransferKind kind) {
  switch (kind) {
    case TransferKind::Forward:
      return "forward";
    case TransferKind::Backward:
      return "backward";
    case TransferKind::Token:
      return "token";
  }
  return "?";
}

std::string time_or_blank(Time time) {
  return time > Time{} ? format_time(time) : "";
}

std::string rows_left_out(std::size_t rows) {
  return rows > kMostRows ? fmt::format("{} more; --json has all\n", rows - kMostRows) : "";
}

template <class Row>
std::span<const Row> first_rows(const std::vector<Row>& rows) {
  return std::span(rows).first(std::min(rows.size(), kMostRows));
}

std::string link_table(const NetworkDescription& network) {
  Table table({{"link", Align::Left}, {"count"}, {"bandwidth"}, {"latency"}, {"used by transfers"}});
  for (const LinkUse& use : network.links)
    table.add_row({std::string(name(use.links.kind)), std::to_string(use.links.count),
                   format_bandwidth(use.links.link.bandwidth), time_or_blank(use.links.link.latency),
                   std::to_string(use.used)});
  return table.text();
}

std::string transfer_table(const NetworkDescription& network) {
  Table table({{"transfer", Align::Left},
               {"ranks"},
               {"bytes a GPU"},
               {"bandwidth"},
               {"latency"},
               {"alone"},
               {"all at once"},
               {"slowest link", Align::Left},
               {"flows"}});
  for (const TransferRow& row : first_rows(network.transfers))
    table.add_row({std::string(name(row.kind)), fmt::format("{} -> {}", index(row.from), index(row.to)),
                   format_bytes(row.bytes), format_bandwidth(row.route.bandwidth), time_or_blank(row.latency),
                   format_time(row.alone), format_time(row.loaded),
                   network.network.link_name(row.busiest.link), std::to_string(row.busiest.flows)});
  return table.text() + rows_left_out(network.transfers.size());
}

std::string pairs_text(Pairs pairs) {
  std::vector<std::string> shown;
  for (const auto& [from, to] : pairs.first(std::min(pairs.size(), kMostPairs)))
    shown.push_back(fmt::format("{} -> {}", index(from), index(to)));
  if (pairs.size() > kMostPairs) shown.push_back(fmt::format("{} more", pairs.size() - kMostPairs));
  return fmt::format("{}", fmt::join(shown, ", "));
}

std::string shared_table(const NetworkDescription& network) {
  Table table({{"links", Align::Left}, {"alike"}, {"pairs of ranks", Align::Left}});
  for (const SharedLinks& links : first_rows(network.shared))
    table.add_row(
        {network.network.link_name(links.first), std::to_string(links.count), pairs_text(links.pairs)});
  return table.text() + rows_left_out(network.shared.size());
}

std::string collective_table(std::span<const CollectiveRow> rows) {
  Table table({{"collective", Align::Left},
               {"algorithm", Align::Left},
               {"GPUs"},
               {"nodes"},
               {"bandwidth"},
               {"bytes a GPU"},
               {"alone"}});
  for (const CollectiveRow& row : rows)
    table.add_row({row.name, row.algorithm, std::to_string(row.members), std::to_string(row.nodes),
                   format_bandwidth(row.bandwidth), format_bytes(row.bytes),
                   format_time(to_time(row.alone))});
  return table.text();
}

std::string collective_tables(const NetworkDescription& network) {
  const auto& stages = network.collectives;
  std::string text;
  for (std::size_t first = 0, next = 0; first < stages.size(); first = next) {
    while (next < stages.size() && stages[next] == stages[first]) ++next;
    const std::string which = next - first == 1 ? fmt::format("stage {}", first)
                                                : fmt::format("stages {}-{}, each", first, next - 1);
    text += fmt::format("\nCollectives of {}\n", which);
    text += stages[first].empty() ? "none\n" : collective_table(stages[first]);
  }
  return text;
}

Json make_link(const LinkUse& use) {
  return {{"kind", name(use.links.kind)},
          {"count", use.links.count},
          {"bandwidth_bytes_per_second", use.links.link.bandwidth.count()},
          {"latency_ns", use.links.link.latency.count()},
          {"used", use.used}};
}

Json make_transfer(const NetworkDescription& network, const TransferRow& row) {
  Json links = Json::array();
  for (const LinkShare& share : row.route.shares)
    links.push_back({{"name", network.network.link_name(share.link)}, {"flows", share.flows}});
  return {{"kind", name(row.kind)},
          {"from", index(row.from)},
          {"to", index(row.to)},
          {"bytes", row.bytes.count()},
          {"bandwidth_bytes_per_second", row.route.bandwidth.count()},
          {"latency_ns", row.latency.count()},
          {"alone_ns", row.alone.count()},
          {"all_at_once_ns", row.loaded.count()},
          {"crosses_nodes", row.route.crosses_nodes},
          {"slowest_link", network.network.link_name(row.busiest.link)},
          {"flows", row.busiest.flows},
          {"links", std::move(links)}};
}

Json make_shared(const NetworkDescription& network, const SharedLinks& links) {
  Json pairs = Json::array();
  for (const auto& [from, to] : links.pairs) pairs.push_back(Json::array({index(from), index(to)}));
  return {
      {"first", network.network.link_name(links.first)}, {"count", links.count}, {"pairs", std::move(pairs)}};
}

Json make_collective(const CollectiveRow& row) {
  return {{"name", row.name},
          {"algorithm", row.algorithm},
          {"members", row.members},
          {"nodes", row.nodes},
          {"bandwidth_bytes_per_second", row.bandwidth.count()},
          {"bytes", row.bytes.count()},
          {"alone_ns", to_time(row.alone).count()}};
}

}  // namespace

std::string network_tables(const NetworkDescription& network) {
  std::string text = "Links, each direction on its own\n" + link_table(network);
  if (!network.transfers.empty())
    text += "\nTransfers, each alone and all of them at once\n" + transfer_table(network);
  if (!network.shared.empty())
    text += "\nLinks that transfers of several pairs of ranks share\n" + shared_table(network);
  return text + collective_tables(network);
}

std::string network_json(const NetworkDescription& network, const Config& config) {
  Json document = make_document_head(config);
  document["links"] = document["transfers"] = document["shared_links"] = document["stages"] = Json::array();
  for (const LinkUse& use : network.links) document["links"].push_back(make_link(use));
  for (const TransferRow& row : network.transfers)
    document["transfers"].push_back(make_transfer(network, row));
  for (const SharedLinks& links : network.shared)
    document["shared_links"].push_back(make_shared(network, links));
  for (std::size_t stage = 0; stage < network.collectives.size(); ++stage) {
    Json rows = Json::array();
    for (const CollectiveRow& row : network.collectives[stage]) rows.push_back(make_collective(row));
    document["stages"].push_back({{"stage", stage}, {"collectives", std::move(rows)}});
  }
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
