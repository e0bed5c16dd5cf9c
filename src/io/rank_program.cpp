#include <fmt/format.h>

#include <cctype>
#include <string>
#include <vector>

#include "actions.hpp"
#include "labels.hpp"
#include "ppsim/io/quantity.hpp"
#include "ppsim/io/timeline_files.hpp"

namespace ppsim {
namespace {

std::string capitalized(std::string_view text) {
  std::string result(text);
  result.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(result.front())));
  return result;
}

class Program {
 public:
  Program(const OpGraph& graph, const Report& report, Rank rank)
      : graph_(graph), report_(report), rank_(rank), chunks_(graph) {
    const VertexId begin = graph.rank_begin()[index(rank)];
    receives_.resize(graph.rank_begin()[index(rank) + 1] - begin);
    sends_.resize(receives_.size());
    for (const Transfer& transfer : list_transfers(graph)) {
      const TransferClass& kind = graph.transfer_classes()[graph.edge_classes()[transfer.edge]];
      if (is_copy(transfer.op.kind)) {
        if (graph.rank_of(transfer.source) == rank) sends_[transfer.source - begin].push_back(transfer);
        continue;
      }
      if (kind.to == rank) receives_[transfer.target - begin].push_back(transfer);
      if (kind.from == rank) sends_[transfer.source - begin].push_back(transfer);
    }
  }

  std::string text() const {
    std::string text;
    const VertexId begin = graph_.rank_begin()[index(rank_)];
    for (std::size_t step = 0; step < receives_.size(); ++step) {
      for (const Transfer& transfer : receives_[step]) text += receive_line(transfer);
      text += action_line(graph_.ops(begin + static_cast<VertexId>(step)));
      for (const Transfer& transfer : sends_[step]) text += send_line(transfer);
    }
    return text;
  }

 private:
  const TransferClass& class_of(const Transfer& transfer) const {
    return graph_.transfer_classes()[graph_.edge_classes()[transfer.edge]];
  }

  /// "activation of micro-batch 3"; the stage that made it where a rank has several to tell apart.
  std::string payload(const Transfer& transfer) const {
    const Op op = transfer.op;
    const std::string stage = chunks_.most_chunks() > 1 ? fmt::format("stage {}, ", index(op.stage)) : "";
    return fmt::format("{} of {}{}", payload_name(op, report_.stages), stage, micro_batch_text(op));
  }

  /// "micro-batch 3"; in inference the request and the token step that the index stands for.
  std::string micro_batch_text(Op op) const {
    const std::size_t u = index(op.micro_batch);
    if (report_.slices > 1)
      return fmt::format("slice {} of micro-batch {}", u % report_.slices, u / report_.slices);
    if (report_.steps > 1)
      return fmt::format("micro-batch {} of step {}", u % report_.micro_batches, u / report_.micro_batches);
    if (report_.decode_steps == 0) return fmt::format("micro-batch {}", u);
    const std::size_t step = index(op.micro_batch) / report_.micro_batches;
    const std::size_t request = index(op.micro_batch) % report_.micro_batches;
    return step == 0 ? fmt::format("prefill of request {}", request)
                     : fmt::format("token step {} of request {}", step, request);
  }

  std::string receive_line(const Transfer& transfer) const {
    const TransferClass& kind = class_of(transfer);
    return fmt::format("Recv {} from rank {} ({})\n", payload(transfer), index(kind.from),
                       format_bytes(kind.bytes));
  }

  std::string send_line(const Transfer& transfer) const {
    const TransferClass& kind = class_of(transfer);
    if (transfer.op.kind == OpKind::Load) {
      return fmt::format("Load {} back from rank {} ({})\n", payload(transfer), index(kind.from),
                         format_bytes(kind.bytes));
    }
    const std::string_view verb = transfer.op.kind == OpKind::Evict ? "Evict" : "Send";
    return fmt::format("{} {} to rank {} ({})\n", verb, payload(transfer), index(kind.to),
                       format_bytes(kind.bytes));
  }

  std::string action_line(std::span<const Op> ops) const {
    std::string text;
    for (const Op op : ops) text += (text.empty() ? "" : " together with ") + action(op);
    return text + "\n";
  }

  std::string action(Op op) const {
    std::string what = layers_phrase(layers_of(report_.per_rank[index(rank_)], op.stage));
    if (what.empty()) what = fmt::format("stage {}", index(op.stage));
    const std::string text = fmt::format("{} {}", capitalized(long_name(op.kind)), what);
    return is_compute(op.kind) ? fmt::format("{}, {}", text, micro_batch_text(op)) : text;
  }

  const OpGraph& graph_;
  const Report& report_;
  Rank rank_;
  ChunkIndex chunks_;
  std::vector<std::vector<Transfer>> receives_;  // [steps][*]
  std::vector<std::vector<Transfer>> sends_;     // [steps][*] and EVICT, LOAD
};

}  // namespace

std::string rank_program(const OpGraph& graph, const Report& report, Rank rank) {
  return Program(graph, report, rank).text();
}

}  // namespace ppsim
