#include "ppsim/output/schedule/rank_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "graph/transfer_list.hpp"
#include "output/labels.hpp"
#include "text/quantity.hpp"

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
    in_front_.resize(graph.rank_begin()[index(rank) + 1] - begin + std::size_t{1});
    const std::vector<Transfer> transfers = list_transfers(graph);
    for (const Transfer& transfer : transfers) {
      const bool copy = is_copy(transfer.op.kind);
      const Rank sender = copy ? graph.rank_of(transfer.source) : class_of(transfer).from;
      if (sender == rank) add(send_gate(transfer), transfer.source - begin + 1, send_line(transfer));
    }
    for (const Transfer& transfer : transfers) {
      if (!is_copy(transfer.op.kind) && class_of(transfer).to == rank)
        add(receive_gate(transfer), transfer.target - begin, receive_line(transfer));
    }
    for (auto& lines : in_front_) {
      std::stable_sort(lines.begin(), lines.end(),
                       [](const Line& a, const Line& b) { return a.gate < b.gate; });
    }
  }

  std::string text() const {
    std::string text;
    const VertexId begin = graph_.rank_begin()[index(rank_)];
    for (std::size_t step = 0; step < in_front_.size(); ++step) {
      for (const Line& line : in_front_[step]) text += line.text;
      if (step + 1 < in_front_.size()) text += action_line(graph_.ops(begin + static_cast<VertexId>(step)));
    }
    return text;
  }

 private:
  /// A transfer, by its place in the program where the program says it.
  struct Line {
    GateId gate;
    std::string text;
  };

  void add(GateId gate, std::size_t step, std::string line) {
    if (gate != kNoGate) {
      const VertexId behind = graph_.gates()[gate].behind;
      step = behind == kNoVertex ? 0 : behind - graph_.rank_begin()[index(rank_)] + 1;
    }
    in_front_[step].push_back({gate == kNoGate ? 0 : gate, std::move(line)});
  }

  GateId send_gate(const Transfer& transfer) const {
    return graph_.send_gates().empty() ? kNoGate : graph_.send_gates()[transfer.edge];
  }
  GateId receive_gate(const Transfer& transfer) const {
    return graph_.receive_gates().empty() ? kNoGate : graph_.receive_gates()[transfer.edge];
  }

  const TransferClass& class_of(const Transfer& transfer) const { return *graph_.transfer(transfer.edge); }

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
  std::vector<std::vector<Line>> in_front_;  // [steps + 1][*] what stands between one step and the next
};

}  // namespace

std::string rank_program(const OpGraph& graph, const Report& report, Rank rank) {
  return Program(graph, report, rank).text();
}

}  // namespace ppsim
