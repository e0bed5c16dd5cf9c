#include "ppsim/output/report/traffic_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "output/labels.hpp"
#include "output/report_document.hpp"
#include "text/json_text.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {

namespace {

/// A terminal shows about this many rows of a table; JSON has them all.
constexpr std::size_t kMostTrafficRows = 40;

/// And so many of who shares a link.
constexpr std::size_t kMostUsers = 6;

Bytes whole(double bytes) {
  return Bytes(static_cast<std::int64_t>(std::llround(bytes)));
}

std::string rows_left_out(std::size_t rows) {
  return rows > kMostTrafficRows ? fmt::format("{} rows left out; --json has all\n", rows - kMostTrafficRows)
                                 : "";
}

/// First indices of runs of neighbours that are alike, and the end.
template <class Row, class Alike>
std::vector<std::size_t> runs_of(const std::vector<Row>& rows, Alike alike) {
  std::vector<std::size_t> begins;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (i == 0 || !alike(rows[i - 1], rows[i])) begins.push_back(i);
  begins.push_back(rows.size());
  return begins;
}

std::string links_table(const StepTraffic& traffic) {
  Table table({{"links, each way", Align::Left},
               {"there"},
               {"used"},
               {"bandwidth"},
               {"latency"},
               {"load"},
               {"busiest, by its bytes in the step", Align::Left}});
  for (const LinkTraffic& row : traffic.links)
    table.add_row({std::string(name(row.links.kind)), std::to_string(row.links.count),
                   std::to_string(row.used), format_bandwidth(row.links.link.bandwidth),
                   format_time(row.links.link.latency), row.used > 0 ? percent(row.load) : "", row.busiest});
  return table.text();
}

bool alike(const TransferTraffic& a, const TransferTraffic& b) {
  return (a.from < a.to) == (b.from < b.to) && a.bytes == b.bytes && a.bandwidth == b.bandwidth &&
         a.latency == b.latency && a.flows == b.flows && a.time == b.time;
}

std::string ranks_text(const std::vector<TransferTraffic>& rows, std::size_t begin, std::size_t end) {
  const auto pair = [&](std::size_t i) {
    return fmt::format("{} -> {}", index(rows[i].from), index(rows[i].to));
  };
  return end - begin == 1 ? pair(begin) : fmt::format("{}, .. {}", pair(begin), pair(end - 1));
}

/// Sorted so that those that are alike are neighbours.
std::vector<TransferTraffic> sorted(std::vector<TransferTraffic> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const TransferTraffic& a, const TransferTraffic& b) {
    const auto key = [](const TransferTraffic& row) {
      return std::tuple(index(row.from) > index(row.to), row.bytes, row.bandwidth, row.flows, row.time.count,
                        row.time.mean, row.time.longest);
    };
    return key(a) < key(b);
  });
  return rows;
}

std::string transfers_table(const StepTraffic& traffic) {
  Table table({{"ranks", Align::Left},
               {"times"},
               {"bytes a GPU"},
               {"bandwidth"},
               {"latency"},
               {"alone"},
               {"mean"},
               {"longest"},
               {"narrowest link, and the GPUs that share it", Align::Left}});
  const std::vector<TransferTraffic> rows = sorted(traffic.transfers);
  const auto begins = runs_of(rows, alike);
  for (std::size_t i = 0; i + 1 < begins.size() && i < kMostTrafficRows; ++i) {
    const TransferTraffic& row = rows[begins[i]];
    table.add_row({ranks_text(rows, begins[i], begins[i + 1]), std::to_string(row.time.count),
                   format_bytes(row.bytes), format_bandwidth(row.bandwidth), format_time(row.latency),
                   format_time(row.time.alone), format_time(row.time.mean), format_time(row.time.longest),
                   fmt::format("{} ({})", row.narrowest, row.flows)});
  }
  return table.text() + rows_left_out(begins.size() - 1);
}

bool alike(const CollectiveTraffic& a, const CollectiveTraffic& b) {
  return a.kind == b.kind && a.inside == b.inside && a.across == b.across && a.time == b.time;
}

/// By kind, so that the same op of neighbouring stages is one row.
std::vector<CollectiveTraffic> sorted(std::vector<CollectiveTraffic> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const CollectiveTraffic& a, const CollectiveTraffic& b) {
    return std::pair(a.kind, a.stage) < std::pair(b.kind, b.stage);
  });
  return rows;
}

std::string text_of_stages(const std::vector<CollectiveTraffic>& rows, std::size_t begin, std::size_t end) {
  const std::size_t first = index(rows[begin].stage), last = index(rows[end - 1].stage);
  return first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
}

std::string collectives_table(const StepTraffic& traffic) {
  Table table({{"in", Align::Left},
               {"stages", Align::Left},
               {"times"},
               {"in the node"},
               {"across"},
               {"alone"},
               {"mean"},
               {"longest"}});
  const std::vector<CollectiveTraffic> rows = sorted(traffic.collectives);
  const auto begins = runs_of(rows, [](const auto& a, const auto& b) { return alike(a, b); });
  for (std::size_t i = 0; i + 1 < begins.size() && i < kMostTrafficRows; ++i) {
    const CollectiveTraffic& row = rows[begins[i]];
    table.add_row({std::string(long_name(row.kind)), text_of_stages(rows, begins[i], begins[i + 1]),
                   std::to_string(row.time.count), format_bytes(whole(row.inside)),
                   format_bytes(whole(row.across)), format_time(row.time.alone), format_time(row.time.mean),
                   format_time(row.time.longest)});
  }
  return table.text() + rows_left_out(begins.size() - 1);
}

std::string group_table(const CollectiveRows& rows) {
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

// One table for neighbours that are alike.
std::string group_tables(std::span<const CollectiveRows> stages) {
  std::string text;
  for (std::size_t first = 0, next = 0; first < stages.size(); first = next) {
    while (next < stages.size() && stages[next] == stages[first]) ++next;
    if (stages[first].empty()) continue;
    text += next - first == 1 ? fmt::format("\nCollectives of stage {}, one of each\n", first)
                              : fmt::format("\nCollectives of stages {}-{}, one of each\n", first, next - 1);
    text += group_table(stages[first]);
  }
  return text;
}

std::string shared_table(const StepTraffic& traffic) {
  Table table({{"links"}, {"such as", Align::Left}, {"shared by", Align::Left}});
  for (std::size_t i = 0; i < traffic.shared.size() && i < kMostTrafficRows; ++i) {
    const SharedLinks& row = traffic.shared[i];
    const std::size_t shown = std::min(kMostUsers, row.users.size());
    std::string users = fmt::format("{}", fmt::join(row.users.begin(), row.users.begin() + shown, ", "));
    if (shown < row.users.size()) users += fmt::format(", and {} more", row.users.size() - shown);
    table.add_row({std::to_string(row.links), row.first, users});
  }
  return table.text() + rows_left_out(traffic.shared.size());
}

Json make_time(const DurationSummary& time) {
  return {{"count", time.count},
          {"alone_ns", time.alone.count()},
          {"mean_ns", time.mean.count()},
          {"longest_ns", time.longest.count()}};
}

Json with_time(Json row, const DurationSummary& time) {
  row.update(make_time(time));
  return row;
}

Json make_stage_collectives(const CollectiveRows& rows) {
  Json list = Json::array();
  for (const CollectiveRow& row : rows)
    list.push_back({{"name", row.name},
                    {"algorithm", row.algorithm},
                    {"gpus", row.members},
                    {"nodes", row.nodes},
                    {"bytes_per_second", row.bandwidth.count()},
                    {"bytes", row.bytes.count()},
                    {"alone_ns", to_time(row.alone).count()}});
  return list;
}

}  // namespace

std::string traffic_table(const StepTraffic& traffic, std::span<const CollectiveRows> stages,
                          const Config& config) {
  std::string text =
      fmt::format("{}; all links shared, step time {}\n\n", config.path, format_time(traffic.makespan));
  if (traffic.links.empty()) return text + "There is no link.\n";
  text += links_table(traffic);
  if (!traffic.transfers.empty()) text += "\nTransfers between ranks\n" + transfers_table(traffic);
  if (!traffic.collectives.empty())
    text += "\nAll collectives of one op: what each GPU sends, and how long they take\n" +
            collectives_table(traffic);
  text += group_tables(stages);
  text += traffic.shared.empty() ? "\nNo link serves more than one of them.\n"
                                 : "\nWho shares links\n" + shared_table(traffic);
  return text;
}

std::string traffic_json(const StepTraffic& traffic, std::span<const CollectiveRows> stages,
                         const Config& config) {
  Json document = make_document_head(config);
  document["makespan_ns"] = traffic.makespan.count();
  for (const char* key : {"links", "transfers", "collectives", "stages", "shared"})
    document[key] = Json::array();
  for (const LinkTraffic& row : traffic.links)
    document["links"].push_back({{"kind", std::string(name(row.links.kind))},
                                 {"count", row.links.count},
                                 {"used", row.used},
                                 {"bytes_per_second", row.links.link.bandwidth.count()},
                                 {"latency_ns", row.links.link.latency.count()},
                                 {"busiest", row.busiest},
                                 {"load", row.load}});
  for (const TransferTraffic& row : traffic.transfers)
    document["transfers"].push_back(with_time({{"from", index(row.from)},
                                               {"to", index(row.to)},
                                               {"bytes", row.bytes.count()},
                                               {"bytes_per_second", row.bandwidth.count()},
                                               {"latency_ns", row.latency.count()},
                                               {"narrowest", row.narrowest},
                                               {"flows", row.flows}},
                                              row.time));
  for (const CollectiveTraffic& row : traffic.collectives)
    document["collectives"].push_back(with_time({{"rank", index(row.rank)},
                                                 {"stage", index(row.stage)},
                                                 {"kind", std::string(name(row.kind))},
                                                 {"inside_bytes", whole(row.inside).count()},
                                                 {"across_bytes", whole(row.across).count()}},
                                                row.time));
  for (const CollectiveRows& rows : stages) document["stages"].push_back(make_stage_collectives(rows));
  for (const SharedLinks& row : traffic.shared)
    document["shared"].push_back({{"links", row.links}, {"first", row.first}, {"users", row.users}});
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
