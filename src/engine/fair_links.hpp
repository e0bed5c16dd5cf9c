// All transfers under way share their links, max-min fair.
#pragma once

#include <span>
#include <vector>

#include "engine/fair_share.hpp"
#include "engine/link_model.hpp"

namespace ppsim {

/// Links that the same transfers use alike count as one, so that a thousand replicas in step cost no more
/// than one of them.
class FairLinks final : public LinkModel {
 public:
  /// Keeps a reference to the graph, which must outlive this.
  explicit FairLinks(const OpGraph& graph);

  std::optional<Passage> admit(const TransferClass& transfer, EdgeId edge, Time wire, Time now) override;
  std::optional<Time> admit_collective(std::uint32_t kind, VertexId vertex, Time time, Time now) override;
  Time next_end() override { return share_.next(); }
  std::optional<Ended> end_next(Time now) override;

 private:
  struct Uses {
    std::vector<double> capacities;               // [constraints]
    std::vector<std::vector<FairShare::Use>> of;  // [transfer classes, collective classes]
  };
  static Uses make_uses(const OpGraph& graph);
  static std::vector<double> exact_times(std::span<const TransferClass> classes);
  explicit FairLinks(const OpGraph& graph, Uses uses);

  std::span<const TransferClass> classes_;
  std::uint32_t edges_;                            // flows below it are edges, then come vertices
  std::vector<std::vector<FairShare::Use>> uses_;  // [transfer classes, collective classes]
  std::vector<double> alone_;                      // [transfer classes] ns, fractions and all
  FairShare share_;
};

}  // namespace ppsim
