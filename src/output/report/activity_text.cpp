#include "output/report/activity_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "output/labels.hpp"
#include "output/schema_versions.hpp"
#include "ppsim/core/version.hpp"
#include "text/quantity.hpp"
#include "text/table.hpp"

namespace ppsim {
namespace {

std::size_t rank_of(const GpuTrace& trace, std::size_t position) {
  return trace.rank ? *trace.rank : position;
}

}  // namespace

std::string activity_table(std::span<const GpuTrace> traces, std::span<const GpuActivity> activities) {
  Table table({{"rank"},
               {"steps"},
               {"step time"},
               {"compute"},
               {"collectives"},
               {"transfers"},
               {"waiting"},
               {"idle"},
               {"bubble fraction"}});
  for (std::size_t i = 0; i < traces.size(); ++i) {
    const GpuActivity& activity = activities[i];
    table.add_row({std::to_string(rank_of(traces[i], i)), std::to_string(activity.steps),
                   format_time(activity.step_time), format_time(activity.compute),
                   format_time(activity.collective), format_time(activity.transfer),
                   format_time(activity.wait), format_time(activity.idle),
                   percent(activity.bubble_fraction())});
  }
  return fmt::format(
      "{}\nbubble fraction {}: transfers, waiting and idle time against all time\n"
      "Where kernels overlap, compute counts first, then collectives. A send or receive is a transfer for as "
      "long as the shortest between the same ranks took, and waiting before that.\n",
      table.text(), percent(bubble_fraction(activities)));
}

std::string activity_json(std::span<const GpuTrace> traces, std::span<const GpuActivity> activities) {
  nlohmann::ordered_json document = {{"ppsim_version", std::string(version())},
                                     {"schema_version", kActivitySchema},
                                     {"bubble_fraction", bubble_fraction(activities)}};
  auto& ranks = document["ranks"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < traces.size(); ++i) {
    const GpuActivity& activity = activities[i];
    ranks.push_back({{"rank", rank_of(traces[i], i)},
                     {"file", traces[i].source},
                     {"steps", activity.steps},
                     {"step_time_ns", activity.step_time.count()},
                     {"window_ns", activity.window.count()},
                     {"compute_ns", activity.compute.count()},
                     {"collective_ns", activity.collective.count()},
                     {"transfer_ns", activity.transfer.count()},
                     {"wait_ns", activity.wait.count()},
                     {"idle_ns", activity.idle.count()},
                     {"bubble_fraction", activity.bubble_fraction()}});
  }
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
