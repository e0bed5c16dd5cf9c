#include "explore/run/extrapolated.hpp"

#include <fmt/format.h>

#include <optional>

#include "text/quantity.hpp"

namespace ppsim {
namespace {

bool joins_gpus(LinkKind kind, bool crosses_nodes) {
  if (crosses_nodes) return kind == LinkKind::Nic;
  return kind == LinkKind::RankToRank || kind == LinkKind::NvLink || kind == LinkKind::Pcie;
}

std::optional<LinkClass> links_of(const Network& network, bool crosses_nodes) {
  for (const LinkClass& links : network.link_classes())
    if (joins_gpus(links.kind, crosses_nodes)) return links;
  return std::nullopt;
}

// Of the transfers that lie outside.
class Outside {
 public:
  Outside(const Network& network, bool crosses_nodes) : links_(links_of(network, crosses_nodes)) {}

  [[nodiscard]] bool is_measured() const { return links_ && links_->link.measured; }

  void add(Bytes bytes) {
    if (!is_measured() || links_->link.measured->contains(bytes)) return;
    sizes_ = sizes_ ? SizeRange{std::min(sizes_->least, bytes), std::max(sizes_->most, bytes)}
                    : SizeRange{bytes, bytes};
  }

  void tell(std::vector<std::string>& sentences) const {
    if (!sizes_) return;
    sentences.push_back(fmt::format("Extrapolated: {} took transfers of {} when measured, and here of {}.",
                                    name(links_->kind), text_of(*links_->link.measured), text_of(*sizes_)));
  }

 private:
  static std::string text_of(const SizeRange& range) {
    if (range.least == range.most) return format_bytes(range.least);
    return fmt::format("{} to {}", format_bytes(range.least), format_bytes(range.most));
  }

  std::optional<LinkClass> links_;
  std::optional<SizeRange> sizes_;
};

}  // namespace

std::vector<std::string> extrapolated_transfers(const OpGraph& graph, const Network& network) {
  Outside inside(network, false), across(network, true);
  if (!inside.is_measured() && !across.is_measured()) return {};
  for (const TransferClass& transfer : graph.transfer_classes())
    (network.route(transfer.from, transfer.to).crosses_nodes ? across : inside).add(transfer.bytes);
  std::vector<std::string> sentences;
  inside.tell(sentences);
  across.tell(sentences);
  return sentences;
}

}  // namespace ppsim
