/// The library in one header. A program that uses ppsim includes this header and no other: what the headers
/// behind it declare stays, the headers themselves may move.
///
///   const ppsim::Config config = ppsim::load_config("configs/seed_4x8.json");
///   const ppsim::Run run = ppsim::run(config);
///   std::fputs(ppsim::report_table(run.report, config, false).c_str(), stdout);
///
/// src/README.md has the example as a whole program.
#pragma once

#include "ppsim/core/error.hpp"
#include "ppsim/core/version.hpp"
#include "ppsim/engine/contention.hpp"
#include "ppsim/engine/jitter.hpp"
#include "ppsim/engine/simulate.hpp"
#include "ppsim/explore/order/optimize.hpp"
#include "ppsim/explore/run/check.hpp"
#include "ppsim/explore/run/compare.hpp"
#include "ppsim/explore/run/describe.hpp"
#include "ppsim/explore/run/run.hpp"
#include "ppsim/explore/run/runs.hpp"
#include "ppsim/explore/run/vary.hpp"
#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/input/config/config.hpp"
#include "ppsim/input/import/import.hpp"
#include "ppsim/input/timeline/timeline_reader.hpp"
#include "ppsim/metrics/bubbles.hpp"
#include "ppsim/metrics/gaps.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/metrics/report.hpp"
#include "ppsim/metrics/runs.hpp"
#include "ppsim/output/config/config_listing.hpp"
#include "ppsim/output/picture/timeline_svg.hpp"
#include "ppsim/output/picture/timeline_text.hpp"
#include "ppsim/output/report/comparison.hpp"
#include "ppsim/output/report/model_text.hpp"
#include "ppsim/output/report/optimization_text.hpp"
#include "ppsim/output/report/report_text.hpp"
#include "ppsim/output/report/traffic_text.hpp"
#include "ppsim/output/schedule/rank_program.hpp"
#include "ppsim/output/schedule/schedule_files.hpp"
#include "ppsim/output/schedule/schedule_list.hpp"
#include "ppsim/output/trace/chrome_trace.hpp"
#include "ppsim/output/trace/timeline_csv.hpp"
#include "ppsim/schedule/check/check.hpp"
#include "ppsim/schedule/lowering.hpp"
#include "ppsim/schedule/registry.hpp"
#include "ppsim/schedule/schedule.hpp"
#include "ppsim/schedule/text/text.hpp"
