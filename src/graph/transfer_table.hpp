// The transfers that a schedule can ask for: a few classes, found by stage.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "ppsim/graph/op_graph.hpp"

namespace ppsim {

/// Classes of the transfers behind an F, a B or I, and a token step's F, by direction and stage.
class TransferTable {
 public:
  /// Keeps a reference to the workload.
  TransferTable(const Schedule& schedule, const Workload& workload, const LinkSharing& links);

  /// Of the dependency that leaves `stage`; kDataEdge where both ends are on one rank. Not for the last
  /// stage's forward and the first stage's backward, which nothing follows.
  [[nodiscard]] EdgeClass forward(std::uint32_t direction, std::size_t stage) const {
    return forward_[direction][stage];
  }
  [[nodiscard]] EdgeClass backward(std::uint32_t direction, std::size_t stage) const {
    return backward_[direction][stage];
  }
  /// The last stage's decode goes back to the first.
  [[nodiscard]] EdgeClass decode(std::uint32_t direction, std::size_t stage) const {
    return decode_[direction][stage];
  }

  /// Of a copy of activations, which holds up nobody's stream.
  [[nodiscard]] EdgeClass copy(const Network& network, Rank from, Rank to, Bytes bytes);

  [[nodiscard]] std::vector<TransferClass> take() && { return std::move(classes_); }
  [[nodiscard]] const std::vector<TransferClass>& classes() const { return classes_; }

 private:
  [[nodiscard]] BytesPerSecond among_all(const Network& network, Rank from, Rank to,
                                         BytesPerSecond own) const;
  /// `gather`: what the receiver takes on top, before the bytes are there.
  EdgeClass add(const Network& network, Rank from, Rank to, Bytes bytes, Time gather = {});

  using Table = std::vector<std::vector<EdgeClass>>;  // [directions][S]
  const LinkFactors& link_factors_;
  LinkSharing links_;
  Table forward_, backward_, decode_;
  std::vector<TransferClass> classes_;
  std::map<std::tuple<Rank, Rank, Bytes>, EdgeClass> copies_;
};

}  // namespace ppsim
