#include "output/trace/trace_tracks.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "graph/transfer_list.hpp"
#include "input/timeline/streams.hpp"

namespace ppsim {
namespace {

class Builder {
 public:
  Builder(const OpGraph& graph, const Timeline& timeline) : graph_(graph), timeline_(timeline) {
    tracks_.transfers = list_transfers(graph);
    tracks_.send_slice.assign(tracks_.transfers.size(), kNoSlice);
    tracks_.receive_slice.assign(tracks_.transfers.size(), kNoSlice);
    by_sender_.resize(graph.rank_count());
    by_receiver_.resize(graph.rank_count());
    tracks_.slices.resize(graph.vertex_count());
  }

  Tracks build() && {
    sort_transfers_by_rank();
    for (std::uint32_t rank = 0; rank < graph_.rank_count(); ++rank) {
      add_actions(rank, kComputeStream, true);
      add_transfers(rank, Slice::Kind::Send, by_sender_[rank]);
      add_transfers(rank, Slice::Kind::Receive, by_receiver_[rank]);
      add_actions(rank, kCollectiveStream, false);
    }
    return std::move(tracks_);
  }

 private:
  struct Placed {
    Interval span;
    std::uint32_t transfer = 0;
  };

  void sort_transfers_by_rank() {
    for (std::uint32_t i = 0; i < tracks_.transfers.size(); ++i) {
      const EdgeId edge = tracks_.transfers[i].edge;
      const TransferClass& transfer = *graph_.transfer(edge);
      const Time start = timeline_.transfer_start[edge];
      const Time finish = timeline_.transfer_finish[edge];
      by_sender_[index(transfer.from)].push_back({send_span(transfer, start, finish), i});
      by_receiver_[index(transfer.to)].push_back({receive_span(transfer, start, finish), i});
    }
  }

  std::uint32_t add_track(std::uint32_t rank, std::string name) {
    tracks_.tracks.push_back({rank, std::move(name)});
    return static_cast<std::uint32_t>(tracks_.tracks.size() - 1);
  }

  /// The row is there even if empty where `always`: every rank computes.
  void add_actions(std::uint32_t rank, std::string_view stream, bool always) {
    std::uint32_t track = always ? add_track(rank, std::string(stream)) : kNoSlice;
    for (VertexId v = graph_.rank_begin()[rank]; v < graph_.rank_begin()[rank + 1]; ++v) {
      if (stream_of(graph_.ops(v)) != stream) continue;
      if (track == kNoSlice) track = add_track(rank, std::string(stream));
      tracks_.slices[v] = {{timeline_.start[v], timeline_.finish[v]}, track, v, Slice::Kind::Action};
    }
  }

  void add_transfers(std::uint32_t rank, Slice::Kind kind, std::vector<Placed>& placed) {
    std::erase_if(placed, [](const Placed& p) { return p.span.start == p.span.finish; });
    std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
      return std::tuple(a.span.start, b.span.finish, a.transfer) <
             std::tuple(b.span.start, a.span.finish, b.transfer);
    });
    std::vector<Interval> spans;
    spans.reserve(placed.size());
    for (const Placed& p : placed) spans.push_back(p.span);
    const auto lanes = assign_lanes(spans);
    const auto first = static_cast<std::uint32_t>(tracks_.tracks.size());
    const auto count = lanes.empty() ? 0 : *std::max_element(lanes.begin(), lanes.end()) + 1;
    const std::string stream(kind == Slice::Kind::Send ? kSendStream : kReceiveStream);
    for (std::uint32_t lane = 0; lane < count; ++lane) {
      add_track(rank, lane == 0 ? stream : stream + " " + std::to_string(lane + 1));
    }
    auto& slice_of = kind == Slice::Kind::Send ? tracks_.send_slice : tracks_.receive_slice;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      slice_of[placed[i].transfer] = static_cast<std::uint32_t>(tracks_.slices.size());
      tracks_.slices.push_back({placed[i].span, first + lanes[i], placed[i].transfer, kind});
    }
  }

  const OpGraph& graph_;
  const Timeline& timeline_;
  Tracks tracks_;
  std::vector<std::vector<Placed>> by_sender_;    // [P][*]
  std::vector<std::vector<Placed>> by_receiver_;  // [P][*]
};

}  // namespace

Tracks make_tracks(const OpGraph& graph, const Timeline& timeline) {
  return Builder(graph, timeline).build();
}

}  // namespace ppsim
