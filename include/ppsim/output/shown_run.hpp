// Comes with ppsim/ppsim.hpp, the header to include; this file may move or go.
/// A run among others, in a trace or a picture.
#pragma once

#include <string>
#include <vector>

#include "ppsim/graph/op_graph.hpp"
#include "ppsim/graph/timeline.hpp"
#include "ppsim/metrics/memory.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {

/// A run among others, in a trace or a picture.
struct ShownRun {
  std::string name;  ///< in front of its ranks' or its schedule's: "predicted"
  const OpGraph* graph = nullptr;
  const Timeline* timeline = nullptr;
  const std::vector<RankMemory>* memory = nullptr;  ///< traces only
  const Report* report = nullptr;
};

}  // namespace ppsim
